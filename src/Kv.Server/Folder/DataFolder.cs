// Owns the store's folder: its lock, its mark, and what may lie in it. A folder that is foreign, newer or half lost is
// refused by name and never repaired; only a folder with nothing in it becomes a new store.
using System.Globalization;
using System.Text;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Engine.Memory;
using Kv.Engine.RocksDb;
using Kv.Protocol.Placement.V1;
using Kv.Server.Options;

namespace Kv.Server.Folder;

/// <summary>An open, locked data folder with its engine.</summary>
internal sealed class DataFolder : IDisposable
{
    private const string MarkName = "FORMAT";
    private const string EngineName = "engine";
    private const string LogName = "log";
    private const string MarkText = "KvStore data folder, format ";
    private const int MarkBytesMax = 256;

    private readonly ServerOptions _options;
    private readonly IFileSystem _files;
    private readonly string _path;
    private readonly IDisposable? _lock;

    private DataFolder(ServerOptions options, IFileSystem files, string path, IDisposable? folderLock, IEngine engine)
    {
        _options = options;
        _files = files;
        _path = path;
        _lock = folderLock;
        Engine = engine;
        Meta = new FolderMeta(engine);
    }

    public IEngine Engine { get; }

    public FolderMeta Meta { get; }

    /// <summary>The folder's path, or what stands for it in messages.</summary>
    public string Display => _options.Engine == EngineKind.Memory ? "memory" : _path;

    /// <summary>Opens or makes the folder. Throws <see cref="StartException"/> with one line.</summary>
    public static DataFolder Open(ServerOptions options, IFileSystem files)
    {
        string path = Path.GetFullPath(options.Data);
        if (options.Engine == EngineKind.Memory)
        {
            return new DataFolder(options, files, path, null, MemoryEngine.Open(new MemoryEngineDisk(files)));
        }

        if (!RocksDbLibrary.TryLoad(out string? missing))
        {
            throw new StartException(ExitCode.Environment, missing ?? "librocksdb cannot be loaded");
        }

        IDisposable? folderLock = null;
        try
        {
            files.CreateDirectory(path);
            folderLock = files.LockDirectory(path);
            bool known = CheckMark(files, path);
            IEngine engine = RocksDbEngine.Open(new RocksDbEngineOptions
            {
                Folder = Path.Combine(path, EngineName),
                CreateIfMissing = !known,
                BlockCacheBytes = options.RocksDbCacheBytes,
            });
            if (!known)
            {
                // The mark is last: from now on a folder without its engine is a folder that lost it.
                WriteMark(files, path);
            }

            return new DataFolder(options, files, path, folderLock, engine);
        }
        catch (Exception e)
        {
            folderLock?.Dispose();
            throw Explain(e, path) ?? e;
        }
    }

    /// <summary>
    /// Opens the raft log of a store that has an identity. Throws <see cref="StartException"/> with one line.
    /// </summary>
    public ISharedLog OpenLog(IdentityRecord identity)
    {
        var settings =
            new SharedLogOptions { SegmentBytes = _options.LogSegmentBytes, ExpectExisting = identity.LogMade };
        try
        {
            IFileSystem files = _options.Engine == EngineKind.Memory ? new MemoryFiles() : _files;
            string folder = Path.Combine(_path, LogName);
            files.CreateDirectory(folder);
            ISharedLog log = SharedLog.Open(files, folder, settings);
            if (!identity.LogMade)
            {
                identity.LogMade = true;
                Meta.SaveIdentity(identity);
            }

            return log;
        }
        catch (Exception e)
        {
            throw Explain(e, _path) ?? e;
        }
    }

    public long FreeBytes() => _options.Engine == EngineKind.Memory ? 0 : _files.FreeBytes(_path);

    public void Dispose()
    {
        Engine.Dispose();
        _lock?.Dispose();
    }

    /// <summary>
    /// True = the folder is a store's; false = it is empty and may become one. Anything else is refused.
    /// </summary>
    private static bool CheckMark(IFileSystem files, string path)
    {
        string mark = Path.Combine(path, MarkName);
        if (!files.FileExists(mark))
        {
            string[] foreign =
            [
                .. files.ListFiles(path).Where(static name => name != PosixFileSystem.LockFileName && name != MarkName
                    + ".new"),
                .. Directory.EnumerateDirectories(path).Select(static name => Path.GetFileName(name)!)
                    .Where(static name => name != EngineName),
            ];
            return foreign.Length == 0
                ? false
                : throw new StartException(
                    ExitCode.DataFolder,
                    $"{path} holds {foreign[0]} but no {MarkName}: it is not a KvStore data folder; name an "
                    + $"empty one with --data");
        }

        using IFile file = files.Open(mark, create: false);
        byte[] bytes = new byte[Math.Min(file.Length, MarkBytesMax)];
        int read = file.ReadAt(0, bytes);
        string text = Encoding.UTF8.GetString(bytes, 0, read).Trim();
        if (!text.StartsWith(MarkText, StringComparison.Ordinal)
            || !uint.TryParse(text[MarkText.Length..], NumberStyles.None, CultureInfo.InvariantCulture,
                out uint format))
        {
            throw new StartException(ExitCode.DataFolder, $"{mark} is damaged: put the folder's backup in place");
        }

        return format <= FolderMeta.FormatVersion
            ? true
            : throw new StartException(
                ExitCode.DataFolder,
                $"{path} has format {format}, this program knows up to {FolderMeta.FormatVersion}: use a newer "
                + $"program");
    }

    private static void WriteMark(IFileSystem files, string path)
    {
        string mark = Path.Combine(path, MarkName);
        string fresh = mark + ".new";
        if (files.FileExists(fresh))
        {
            files.Delete(fresh);
        }

        using (IFile file = files.Open(fresh, create: true))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"{MarkText}{FolderMeta.FormatVersion}\n"));
            file.WriteAt(0, bytes, SyncSites.FolderMark);
            file.SyncData(SyncSites.FolderMark);
        }

        files.Rename(fresh, mark);
        files.SyncDirectory(path, SyncSites.FolderMark);
    }

    private static StartException? Explain(Exception e, string path) => e switch
    {
        StorageException storage => new StartException(
            ExitCode.DataFolder, $"the data folder cannot be used: {storage.Message}"),
        EngineException engine =>
            new StartException(ExitCode.DataFolder, $"the data folder {path} cannot be used: {engine.Message}"),
        LogDamagedException or LogFormatException => new StartException(
            ExitCode.DataFolder, $"the raft log in {path} cannot be used: {e.Message}"),
        UnauthorizedAccessException or IOException => new StartException(
            ExitCode.DataFolder, $"the data folder {path} cannot be used: {e.Message}"),
        _ => null,
    };
}
