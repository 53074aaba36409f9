using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Server.Folder;

/// <summary>
/// Files of <c>--engine memory</c>: they end with the process, so nothing here can be made durable and every sync is a
/// no-op. One process, few files.
/// </summary>
internal sealed class MemoryFiles : IFileSystem
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Content> _files = new(StringComparer.Ordinal);
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);

    public void CreateDirectory(string path)
    {
        lock (_lock)
        {
            _folders.Add(path);
        }
    }

    public bool FileExists(string path)
    {
        lock (_lock)
        {
            return _files.ContainsKey(path);
        }
    }

    public bool DirectoryExists(string path)
    {
        lock (_lock)
        {
            return _folders.Contains(path);
        }
    }

    public IReadOnlyList<string> ListFiles(string directory)
    {
        lock (_lock)
        {
            return [.. _files.Keys.Where(path => Path.GetDirectoryName(path) == directory).Select(static p =>
                Path.GetFileName(p)!)];
        }
    }

    public IFile Open(string path, bool create)
    {
        lock (_lock)
        {
            if (_files.TryGetValue(path, out Content? content) == create)
            {
                throw new StorageException(
                    path, create ? SyncSites.FileCreate : SyncSites.FileOpen, create ? "File exists" : "No such file");
            }

            content ??= _files[path] = new Content();
            return new OpenFile(path, content);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Invariant.Require(_files.Remove(from, out Content? content));
            _files[to] = content;
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            _files.Remove(path);
        }
    }

    public void SyncDirectory(string path, string site)
    {
    }

    public IDisposable LockDirectory(string path) => new OpenFile(path, new Content());

    public long FreeBytes(string path) => long.MaxValue;

    private sealed class Content
    {
        public Lock Lock { get; } = new();

        public byte[] Bytes { get; set; } = [];

        public long Length { get; set; }
    }

    private sealed class OpenFile(string path, Content content) : IFile
    {
        public string Path => path;

        public long Length
        {
            get
            {
                lock (content.Lock)
                {
                    return content.Length;
                }
            }
        }

        public int ReadAt(long offset, Span<byte> destination)
        {
            lock (content.Lock)
            {
                int count = (int)Math.Clamp(content.Length - offset, 0, destination.Length);
                if (count > 0)
                {
                    content.Bytes.AsSpan((int)offset, count).CopyTo(destination);
                }

                return count;
            }
        }

        public void WriteAt(long offset, ReadOnlySpan<byte> data, string site)
        {
            lock (content.Lock)
            {
                Reserve(offset + data.Length, site);
                data.CopyTo(content.Bytes.AsSpan((int)offset));
                content.Length = Math.Max(content.Length, offset + data.Length);
            }
        }

        public void Allocate(long length, string site)
        {
            lock (content.Lock)
            {
                Reserve(length, site);
                content.Length = Math.Max(content.Length, length);
            }
        }

        public void Truncate(long length, string site)
        {
            lock (content.Lock)
            {
                if (length < content.Length)
                {
                    content.Bytes.AsSpan((int)length, (int)(content.Length - length)).Clear();
                }

                Reserve(length, site);
                content.Length = length;
            }
        }

        public void SyncData(string site)
        {
        }

        public void Dispose()
        {
        }

        private void Reserve(long length, string site)
        {
            if (length > Array.MaxLength)
            {
                throw new StorageException(path, site, "File too large for memory");
            }

            if (length > content.Bytes.Length)
            {
                byte[] larger = new byte[Math.Min(Array.MaxLength, Math.Max(length, content.Bytes.Length * 2L))];
                content.Bytes.AsSpan(0, (int)content.Length).CopyTo(larger);
                content.Bytes = larger;
            }
        }
    }
}
