using Kv.Engine.Files;

namespace Kv.Testing.Files;

/// <summary>One open simulated file. Dead after a failure and after a crash of its file system.</summary>
internal sealed class MemoryFile(MemoryFileSystem owner, string path, MemoryInode inode, int generation) : IFile
{
    private StorageException? _failure;
    private bool _disposed;

    public string Path { get; } = path;

    public long Length
    {
        get
        {
            lock (owner.Sync)
            {
                ThrowIfUnusable();
                return inode.Current.Length;
            }
        }
    }

    public int ReadAt(long offset, Span<byte> destination)
    {
        lock (owner.Sync)
        {
            ThrowIfUnusable();
            owner.CheckRead(Path, offset, destination.Length);
            return inode.Current.Read(offset, destination);
        }
    }

    public void WriteAt(long offset, ReadOnlySpan<byte> data, string site)
    {
        lock (owner.Sync)
        {
            ThrowIfUnusableToWriter();
            string? error = owner.Faults.Cross(site);
            if (error is FaultInjectingFileSystem.ShortWrite)
            {
                inode.Write(offset, data[..(data.Length / 2)]);
                throw Die(site, $"short write, {data.Length / 2} of {data.Length} bytes at offset {offset}");
            }

            DieIf(site, error ?? owner.CheckSpace(offset + data.Length - inode.Current.Length));
            inode.Write(offset, data);
            owner.CountMutation();
        }
    }

    public void Allocate(long length, string site)
    {
        lock (owner.Sync)
        {
            ThrowIfUnusableToWriter();
            DieIf(site, owner.Faults.Cross(site) ?? owner.CheckSpace(length - inode.Current.Length));
            if (length > inode.Current.Length)
            {
                inode.SetLength(length);
            }

            owner.CountMutation();
        }
    }

    public void Truncate(long length, string site)
    {
        lock (owner.Sync)
        {
            ThrowIfUnusableToWriter();
            DieIf(site, owner.Faults.Cross(site));
            inode.SetLength(length);
            owner.CountMutation();
        }
    }

    public void SyncData(string site)
    {
        lock (owner.Sync)
        {
            ThrowIfUnusableToWriter();
            if (owner.Faults.Cross(site) is { } error)
            {
                inode.ForgetUnsynced();
                throw Die(site, error);
            }

            // A cut at a sync comes before it: what it would have made durable is still at the crash's mercy.
            owner.CountMutation();
            inode.Sync();
        }
    }

    public void Dispose() => _disposed = true;

    private void DieIf(string site, string? error)
    {
        if (error is not null)
        {
            throw Die(site, error);
        }
    }

    private StorageException Die(string site, string error)
    {
        _failure = new StorageException(Path, site, $"{error} (simulated)");
        return _failure;
    }

    private void ThrowIfUnusableToWriter()
    {
        if (_failure is not null)
        {
            owner.Faults.NoteLateCall();
        }

        ThrowIfUnusable();
    }

    private void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        owner.ThrowIfCut(generation);
        if (_failure is not null)
        {
            throw new StorageException(Path, _failure.Site, $"file given up after {_failure.Error}");
        }
    }
}
