using Kv.Engine.Files;

namespace Kv.Engine.Tests.Engines;

/// <summary>
/// The least file system that table files need: paths to bytes, nothing lost, nothing failing unless told.
/// </summary>
internal sealed class DictionaryFiles : IFileSystem
{
    private readonly Dictionary<string, MemoryStream> _files = new(StringComparer.Ordinal);

    /// <summary>When set, every write of a file fails.</summary>
    public bool Full { get; set; }

    public void CreateDirectory(string path)
    {
    }

    public bool FileExists(string path) => _files.ContainsKey(path);

    public bool DirectoryExists(string path) => true;

    public IReadOnlyList<string> ListFiles(string directory) => [.. _files.Keys.Order(StringComparer.Ordinal)];

    public IFile Open(string path, bool create)
    {
        if (create != !_files.ContainsKey(path))
        {
            throw new StorageException(path, "file open", create ? "it exists" : "No such file or directory");
        }

        if (create)
        {
            _files[path] = new MemoryStream();
        }

        return new OpenFile(this, path, _files[path]);
    }

    public void Rename(string from, string to)
    {
        _files[to] = _files[from];
        _files.Remove(from);
    }

    public void Delete(string path) => _files.Remove(path);

    public void SyncDirectory(string path, string site)
    {
    }

    public IDisposable LockDirectory(string path) => new MemoryStream();

    public long FreeBytes(string path) => long.MaxValue;

    public void Damage(string path)
    {
        byte[] bytes = _files[path].ToArray();
        bytes[bytes.Length / 2] ^= 1;
        _files[path] = new MemoryStream(bytes);
    }

    private sealed class OpenFile(DictionaryFiles files, string path, MemoryStream stream) : IFile
    {
        public string Path => path;

        public long Length => stream.Length;

        public int ReadAt(long offset, Span<byte> destination)
        {
            stream.Position = offset;
            return stream.Read(destination);
        }

        public void WriteAt(long offset, ReadOnlySpan<byte> data, string site)
        {
            if (files.Full)
            {
                throw new StorageException(path, site, "No space left on device");
            }

            stream.Position = offset;
            stream.Write(data);
        }

        public void Allocate(long length, string site)
        {
        }

        public void Truncate(long length, string site) => stream.SetLength(length);

        public void SyncData(string site)
        {
        }

        public void Dispose()
        {
        }
    }
}
