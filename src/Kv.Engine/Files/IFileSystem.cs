// Owns the seam between what must be durable and the disk. Real: P/Invoke, because .NET hides failed syncs (Sync law).
// Simulated: in memory, with unsynced writes lost, kept or torn at a crash.
namespace Kv.Engine.Files;

/// <summary>The operations on folders and files that durable state needs, each failing loudly.</summary>
public interface IFileSystem
{
    /// <summary>Makes the folder and its parents; nothing when it is there.</summary>
    void CreateDirectory(string path);

    bool FileExists(string path);

    bool DirectoryExists(string path);

    /// <summary>Names (not paths) of the files in a folder, in ordinal order.</summary>
    IReadOnlyList<string> ListFiles(string directory);

    /// <summary>
    /// Opens for reading and writing. <paramref name="create"/>: it must not exist; otherwise it must.
    /// </summary>
    IFile Open(string path, bool create);

    /// <summary>Renames over an existing target. Durable only after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    void Delete(string path);

    /// <summary>
    /// Makes created, renamed and deleted names in this folder durable. <paramref name="site"/> names the place in the
    /// code.
    /// </summary>
    void SyncDirectory(string path, string site);

    /// <summary>
    /// Takes the folder's lock for this process; throws <see cref="StorageException"/> naming the holder when it is
    /// taken.
    /// </summary>
    IDisposable LockDirectory(string path);

    long FreeBytes(string path);
}

/// <summary>
/// One open file. After any failed or short write or failed sync the file is dead: every later call throws (Sync law).
/// <c>site</c> names the place in the code, for messages and for fault injection; every site is a constant of
/// <c>SyncSites</c>, so that tests can list them all.
/// </summary>
public interface IFile : IDisposable
{
    string Path { get; }

    long Length { get; }

    /// <summary>Reads up to the span's length; fewer only at the end of the file.</summary>
    int ReadAt(long offset, Span<byte> destination);

    /// <summary>Writes all of it or throws.</summary>
    void WriteAt(long offset, ReadOnlySpan<byte> data, string site);

    /// <summary>Reserves space so that the file is at least this long, filled with zeros where new.</summary>
    void Allocate(long length, string site);

    void Truncate(long length, string site);

    /// <summary>Makes all written data durable (fdatasync), checked.</summary>
    void SyncData(string site);
}

/// <summary>A file operation failed. Names the file, the site in the code and the system's error.</summary>
public sealed class StorageException : Exception
{
    public StorageException(string path, string site, string error)
        : base($"{site}: {error}: {path}")
    {
        Path = path;
        Site = site;
        Error = error;
    }

    public string Path { get; }

    public string Site { get; }

    public string Error { get; }
}
