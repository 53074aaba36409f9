// Owns the failing of file operations on purpose, for tests with real processes. What it fails it does not pass on, so
// the data stays as unsynced or unwritten as after a real failure.
namespace Kv.Engine.Files;

/// <summary>A file system that counts the crossings of every site and fails those its plan names.</summary>
public sealed class FaultInjectingFileSystem(IFileSystem inner, FaultPlan plan) : IFileSystem
{
    /// <summary>The error name that makes a write put half of its bytes down before it fails.</summary>
    public const string ShortWrite = "SHORT";

    public FaultPlan Plan { get; } = plan;

    public void CreateDirectory(string path)
    {
        Cross(path, SyncSites.FolderCreate);
        inner.CreateDirectory(path);
    }

    public bool FileExists(string path) => inner.FileExists(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public IReadOnlyList<string> ListFiles(string directory)
    {
        Cross(directory, SyncSites.FolderList);
        return inner.ListFiles(directory);
    }

    public IFile Open(string path, bool create)
    {
        Cross(path, create ? SyncSites.FileCreate : SyncSites.FileOpen);
        return new FaultInjectingFile(inner.Open(path, create), Plan);
    }

    public void Rename(string from, string to)
    {
        Cross(from, SyncSites.FileRename);
        inner.Rename(from, to);
    }

    public void Delete(string path)
    {
        Cross(path, SyncSites.FileDelete);
        inner.Delete(path);
    }

    public void SyncDirectory(string path, string site)
    {
        Cross(path, site);
        inner.SyncDirectory(path, site);
    }

    public IDisposable LockDirectory(string path)
    {
        Cross(path, SyncSites.FolderLock);
        return inner.LockDirectory(path);
    }

    public long FreeBytes(string path) => inner.FreeBytes(path);

    private void Cross(string path, string site)
    {
        if (Plan.Cross(site) is { } error)
        {
            throw new StorageException(path, site, $"{error} (injected)");
        }
    }
}
