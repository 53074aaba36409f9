using Kv.Engine.Files;

namespace Kv.Engine.Tests.Files;

public sealed class PosixFileSystemTests : IDisposable
{
    private const string Site = "test.site";

    private readonly string _folder = Directory.CreateTempSubdirectory("kv-files-").FullName;
    private readonly PosixFileSystem _files = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void File_WrittenSyncedAndReopened_HasItsBytes()
    {
        string path = Path.Combine(_folder, "f");
        using (IFile file = _files.Open(path, create: true))
        {
            file.Allocate(10_000, Site);
            Assert.Equal(10_000, file.Length);
            file.WriteAt(5_000, [1, 2, 3], Site);
            file.SyncData(Site);
            file.Truncate(5_002, Site);
        }

        _files.SyncDirectory(_folder, Site);
        using IFile again = _files.Open(path, create: false);
        byte[] read = new byte[10];
        Assert.Equal(3, again.ReadAt(4_999, read));
        Assert.Equal([0, 1, 2], read[..3]);
        Assert.Equal(0, again.ReadAt(6_000, read));
    }

    [Fact]
    public void Names_CreateListRenameDelete_DoWhatTheySay()
    {
        string deep = Path.Combine(_folder, "a", "b");
        _files.CreateDirectory(deep);
        _files.CreateDirectory(deep);
        Assert.True(_files.DirectoryExists(deep));
        _files.Open(Path.Combine(deep, "y"), create: true).Dispose();
        _files.Open(Path.Combine(deep, "x"), create: true).Dispose();
        Assert.Equal(["x", "y"], _files.ListFiles(deep));
        _files.Rename(Path.Combine(deep, "x"), Path.Combine(deep, "y"));
        Assert.Equal(["y"], _files.ListFiles(deep));
        _files.Delete(Path.Combine(deep, "y"));
        Assert.False(_files.FileExists(Path.Combine(deep, "y")));
        _files.SyncDirectory(deep, Site);
        Assert.True(_files.FreeBytes(deep) > 0);
    }

    [Fact]
    public void Failures_NameTheFileTheSiteAndTheError()
    {
        string missing = Path.Combine(_folder, "missing");

        StorageException open = Assert.Throws<StorageException>(() => _files.Open(missing, create: false));
        Assert.StartsWith("ENOENT", open.Error, StringComparison.Ordinal);
        Assert.Equal(missing, open.Path);
        Assert.Equal($"file.open: {open.Error}: {missing}", open.Message);
        _files.Open(missing, create: true).Dispose();
        StorageException create = Assert.Throws<StorageException>(() => _files.Open(missing, create: true));
        Assert.StartsWith("EEXIST", create.Error, StringComparison.Ordinal);
        StorageException folder = Assert.Throws<StorageException>(() => _files.SyncDirectory(missing, Site));
        Assert.StartsWith("ENOTDIR", folder.Error, StringComparison.Ordinal);
        Assert.Equal(Site, folder.Site);
        Assert.Throws<StorageException>(() => _files.Delete(missing + "2"));
        Assert.Throws<StorageException>(() => _files.Rename(missing + "2", missing));
        Assert.Throws<StorageException>(() => _files.ListFiles(missing + "2"));
    }

    [Fact]
    public void WriteAt_DeviceFull_IsFinalForTheFile()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full");
        using IFile file = _files.Open("/dev/full", create: false);

        StorageException full = Assert.Throws<StorageException>(() => file.WriteAt(0, [1], Site));
        Assert.StartsWith("ENOSPC", full.Error, StringComparison.Ordinal);
        Assert.Equal(Site, full.Site);

        StorageException dead = Assert.Throws<StorageException>(() => file.SyncData("other"));
        Assert.Contains("given up after ENOSPC", dead.Message, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => file.ReadAt(0, new byte[1]));
    }

    [Fact]
    public void SyncData_OfWhatCannotBeSynced_Throws()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "there is no /dev/null");
        using IFile file = _files.Open("/dev/null", create: false);

        StorageException failed = Assert.Throws<StorageException>(() => file.SyncData(Site));

        Assert.StartsWith("EINVAL", failed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void LockDirectory_TakenTwice_NamesTheHolder()
    {
        using (_files.LockDirectory(_folder))
        {
            StorageException taken = Assert.Throws<StorageException>(() => _files.LockDirectory(_folder));
            Assert.Contains($"in use by process {Environment.ProcessId}", taken.Message, StringComparison.Ordinal);
            Assert.Contains(_folder, taken.Message, StringComparison.Ordinal);
        }

        _files.LockDirectory(_folder).Dispose();
    }
}
