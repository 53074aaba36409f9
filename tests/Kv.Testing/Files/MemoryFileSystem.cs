// Owns a simulated disk: per file a durable image and the writes not yet synced; names that are volatile until their
// folder is synced; faults by site, by space and by place. Deterministic: the same calls and seed give the same bytes.
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Testing.Files;

/// <summary>
/// A disk that survives "restarts": close everything, call <see cref="Crash"/> (power cut) or nothing (process killed,
/// the kernel lives), and open again on the same object. Paths are absolute. Any thread may call it.
/// </summary>
public sealed class MemoryFileSystem : IFileSystem
{
    private readonly Dictionary<string, MemoryInode> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MemoryInode> _durableNames = new(StringComparer.Ordinal);
    private readonly List<NameChange> _unsyncedNames = [];
    private readonly SortedSet<string> _folders = new(StringComparer.Ordinal) { "/" };
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);
    private readonly List<(string Path, long Offset, long End)> _unreadable = [];
    private int _generation;
    private bool _isCut;

    /// <summary>Faults by site, and the count of crossings.</summary>
    public FaultPlan Faults { get; } = new();

    /// <summary>Bytes of all files together; growing past it fails with ENOSPC.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Writes, allocations, syncs and name changes so far.</summary>
    public long MutationCount { get; private set; }

    /// <summary>
    /// The power goes at this many mutations; null = never. The call that reaches it throws, as does every later one.
    /// </summary>
    public long? PowerCutAtMutation { get; set; }

    internal Lock Sync { get; } = new();

    public void CreateDirectory(string path)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            ThrowOnFault(path, SyncSites.FolderCreate);
            for (string? folder = Normal(path); !string.IsNullOrEmpty(folder); folder = Path.GetDirectoryName(folder))
            {
                _folders.Add(folder);
            }
        }
    }

    public bool FileExists(string path)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            return _names.ContainsKey(Normal(path));
        }
    }

    public bool DirectoryExists(string path)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            return _folders.Contains(Normal(path));
        }
    }

    public IReadOnlyList<string> ListFiles(string directory)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            ThrowOnFault(directory, SyncSites.FolderList);
            string folder = Normal(directory);
            ThrowIf(!_folders.Contains(folder), directory, SyncSites.FolderList, "ENOENT");
            List<string> names = [];
            foreach (string path in _names.Keys.Where(path => Path.GetDirectoryName(path) == folder))
            {
                names.Add(Path.GetFileName(path));
            }

            names.Sort(StringComparer.Ordinal);
            return names;
        }
    }

    public IFile Open(string path, bool create)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            string site = create ? SyncSites.FileCreate : SyncSites.FileOpen;
            ThrowOnFault(path, site);
            string name = Normal(path);
            bool exists = _names.TryGetValue(name, out MemoryInode? inode);
            ThrowIf(exists && create, path, site, "EEXIST");
            ThrowIf(!exists && !create, path, site, "ENOENT");
            ThrowIf(!_folders.Contains(Path.GetDirectoryName(name)!), path, site, "ENOENT");
            if (inode is null)
            {
                inode = new MemoryInode();
                Change(new NameChange(name, From: null, inode));
            }

            return new MemoryFile(this, name, inode, _generation);
        }
    }

    public void Rename(string from, string to)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            ThrowOnFault(from, SyncSites.FileRename);
            ThrowIf(!_names.ContainsKey(Normal(from)), from, SyncSites.FileRename, "ENOENT");
            Invariant.Require(Path.GetDirectoryName(Normal(from)) == Path.GetDirectoryName(Normal(to)));
            Change(new NameChange(Normal(to), Normal(from), _names[Normal(from)]));
        }
    }

    public void Delete(string path)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            ThrowOnFault(path, SyncSites.FileDelete);
            ThrowIf(!_names.ContainsKey(Normal(path)), path, SyncSites.FileDelete, "ENOENT");
            Change(new NameChange(Normal(path), From: null, Inode: null));
        }
    }

    public void SyncDirectory(string path, string site)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            string folder = Normal(path);

            // The journal of a real file system either keeps a name change or stops: after a failure the changes are as
            // unsynced as before, not forgotten like data pages are.
            ThrowOnFault(path, site);

            CountMutation();
            foreach (NameChange change in _unsyncedNames.Where(change => change.IsIn(folder)))
            {
                change.ApplyTo(_durableNames);
            }

            _unsyncedNames.RemoveAll(change => change.IsIn(folder));
        }
    }

    public IDisposable LockDirectory(string path)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            ThrowOnFault(path, SyncSites.FolderLock);
            ThrowIf(!_locks.Add(Normal(path)), path, SyncSites.FolderLock, "the folder is in use by process 1");
            return new FolderLock(this, Normal(path), _generation);
        }
    }

    public long FreeBytes(string path)
    {
        lock (Sync)
        {
            ThrowIfCut(_generation);
            return CapacityBytes == long.MaxValue ? long.MaxValue : Math.Max(0, CapacityBytes - UsedBytes());
        }
    }

    /// <summary>
    /// The machine loses power. Each unsynced write is kept, lost or torn at 512 bytes, each unsynced name change kept
    /// or lost; every open file and lock is gone.
    /// </summary>
    public void Crash(DeterministicRandom random)
    {
        lock (Sync)
        {
            List<MemoryInode> inodes = InodesInOrder();
            foreach (NameChange change in _unsyncedNames)
            {
                if (random.Chance(0.5))
                {
                    change.ApplyTo(_durableNames);
                }
            }

            foreach (MemoryInode inode in inodes)
            {
                inode.Crash(random);
            }

            Restart();
        }
    }

    /// <summary>Like <see cref="Crash"/>, and nothing that was not synced survives.</summary>
    public void CrashToDurable()
    {
        lock (Sync)
        {
            foreach (MemoryInode inode in InodesInOrder())
            {
                inode.CrashToDurable();
            }

            Restart();
        }
    }

    /// <summary>
    /// The process dies and the kernel lives: open files and locks are gone, all bytes and names stay as seen.
    /// </summary>
    public void KillProcess()
    {
        lock (Sync)
        {
            _locks.Clear();
            _generation++;
            _isCut = false;
            PowerCutAtMutation = null;
        }
    }

    /// <summary>The file's bytes as a reader sees them now.</summary>
    public byte[] Peek(string path)
    {
        lock (Sync)
        {
            SparseBytes bytes = _names[Normal(path)].Current;
            byte[] copy = new byte[bytes.Length];
            bytes.Read(0, copy);
            return copy;
        }
    }

    /// <summary>
    /// Changes bytes behind everybody's back, durable at once: bit rot, a misdirected write, another program.
    /// </summary>
    public void Overwrite(string path, long offset, ReadOnlySpan<byte> data)
    {
        lock (Sync)
        {
            _names[Normal(path)].Overwrite(offset, data);
        }
    }

    public void FlipBit(string path, long offset, int bit)
    {
        lock (Sync)
        {
            Span<byte> one = stackalloc byte[1];
            _names[Normal(path)].Current.Read(offset, one);
            one[0] ^= (byte)(1 << bit);
            _names[Normal(path)].Overwrite(offset, one);
        }
    }

    /// <summary>
    /// Reads that touch [offset, offset + length) of the file fail with EIO until <see cref="HealReads"/>.
    /// </summary>
    public void FailReads(string path, long offset, long length)
    {
        lock (Sync)
        {
            _unreadable.Add((Normal(path), offset, offset + length));
        }
    }

    public void HealReads()
    {
        lock (Sync)
        {
            _unreadable.Clear();
        }
    }

    /// <summary>A disk of its own with the same bytes and names, all durable.</summary>
    public MemoryFileSystem Clone()
    {
        lock (Sync)
        {
            MemoryFileSystem clone = new();
            foreach ((string name, MemoryInode inode) in _names)
            {
                MemoryInode copy = inode.CopyAsDurable();
                clone._names.Add(name, copy);
                clone._durableNames.Add(name, copy);
            }

            clone._folders.UnionWith(_folders);
            return clone;
        }
    }

    internal void CheckRead(string path, long offset, long length)
    {
        ThrowOnFault(path, SyncSites.FileRead);
        foreach ((string bad, long start, long end) in _unreadable)
        {
            ThrowIf(bad == path && offset < end && start < offset + length, path, SyncSites.FileRead, "EIO");
        }
    }

    internal string? CheckSpace(long growthBytes) =>
        growthBytes > 0 && CapacityBytes != long.MaxValue && UsedBytes() + growthBytes > CapacityBytes
            ? "ENOSPC"
            : null;

    internal void CountMutation()
    {
        MutationCount++;
        if (MutationCount >= PowerCutAtMutation)
        {
            _isCut = true;
            throw new PowerCutException(MutationCount);
        }
    }

    internal void ThrowIfCut(int generation)
    {
        if (_isCut)
        {
            throw new PowerCutException(MutationCount);
        }

        Invariant.Require(generation == _generation, $"a file opened before the crash is used after it");
    }

    private static string Normal(string path) => path.Length > 1 ? path.TrimEnd('/') : path;

    private static void ThrowIf(bool failed, string path, string site, string error)
    {
        if (failed)
        {
            throw new StorageException(path, site, $"{error} (simulated)");
        }
    }

    private void ThrowOnFault(string path, string site)
    {
        if (Faults.Cross(site) is { } error)
        {
            throw new StorageException(path, site, $"{error} (simulated)");
        }
    }

    private void Change(NameChange change)
    {
        change.ApplyTo(_names);
        _unsyncedNames.Add(change);
        CountMutation();
    }

    private long UsedBytes() => _names.Values.Distinct().Sum(inode => inode.Current.Length);

    /// <summary>Every inode that may survive, in the order of its names, so that the seed alone decides.</summary>
    private List<MemoryInode> InodesInOrder()
    {
        List<MemoryInode> inodes = [];
        foreach (Dictionary<string, MemoryInode> names in (Dictionary<string, MemoryInode>[])[_durableNames, _names])
        {
            foreach (KeyValuePair<string, MemoryInode> name in names.OrderBy(name => name.Key, StringComparer.Ordinal))
            {
                if (!inodes.Contains(name.Value))
                {
                    inodes.Add(name.Value);
                }
            }
        }

        // An inode may live only in an unsynced change: created, then renamed over or deleted, and the change lost.
        foreach (NameChange change in _unsyncedNames)
        {
            if (change.Inode is { } inode && !inodes.Contains(inode))
            {
                inodes.Add(inode);
            }
        }

        return inodes;
    }

    private void Restart()
    {
        _unsyncedNames.Clear();
        _names.Clear();
        foreach ((string name, MemoryInode inode) in _durableNames)
        {
            _names.Add(name, inode);
        }

        KillProcess();
    }

    private sealed class FolderLock(MemoryFileSystem owner, string path, int generation) : IDisposable
    {
        public void Dispose()
        {
            lock (owner.Sync)
            {
                if (generation == owner._generation)
                {
                    owner._locks.Remove(path);
                }
            }
        }
    }
}
