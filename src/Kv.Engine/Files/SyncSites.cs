namespace Kv.Engine.Files;

/// <summary>
/// Every place in the code that writes, allocates, syncs or renames durable state, by name. A failure names its site,
/// fault injection aims at it, and tests walk <see cref="All"/> and fail when one was never crossed.
/// </summary>
public static class SyncSites
{
    /// <summary>The block at the start of a new log segment.</summary>
    public const string LogHeaderWrite = "log.header.write";

    /// <summary>Makes the segment's opening block durable before any frame follows it.</summary>
    public const string LogHeaderSync = "log.header.sync";

    /// <summary>Reserves the bytes of a new log segment.</summary>
    public const string LogSegmentAllocate = "log.segment.allocate";

    /// <summary>Writes one frame.</summary>
    public const string LogSegmentWrite = "log.segment.write";

    /// <summary>Makes one frame durable: the sync behind every acknowledgement and vote.</summary>
    public const string LogSegmentSync = "log.segment.sync";

    /// <summary>Makes the name of a new log segment durable.</summary>
    public const string LogFolderSync = "log.folder.sync";

    /// <summary>Makes the removal of purged log segments durable.</summary>
    public const string LogPurgeFolderSync = "log.purge.folder.sync";

    /// <summary>Creates a file.</summary>
    public const string FileCreate = "file.create";

    /// <summary>Opens a file that is there.</summary>
    public const string FileOpen = "file.open";

    /// <summary>Reads from a file.</summary>
    public const string FileRead = "file.read";

    /// <summary>Renames a file.</summary>
    public const string FileRename = "file.rename";

    /// <summary>Deletes a file.</summary>
    public const string FileDelete = "file.delete";

    /// <summary>Lists a folder.</summary>
    public const string FolderList = "folder.list";

    /// <summary>Makes a folder and its name in the parent durable.</summary>
    public const string FolderCreate = "folder.create";

    /// <summary>Takes a folder's lock.</summary>
    public const string FolderLock = "folder.lock";

    /// <summary>Writes the mark of a data folder and makes it and its name durable.</summary>
    public const string FolderMark = "folder.mark";

    /// <summary>The sites of the shared raft log.</summary>
    public static IReadOnlyList<string> Log { get; } =
    [
        LogHeaderWrite, LogHeaderSync, LogSegmentAllocate, LogSegmentWrite, LogSegmentSync, LogFolderSync,
        LogPurgeFolderSync,
    ];

    /// <summary>The sites that every file operation passes, whoever asked for it.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [FileCreate, FileOpen, FileRead, FileRename, FileDelete, FolderList, FolderCreate, FolderLock];

    /// <summary>The sites of a store's folder beside log and engine.</summary>
    public static IReadOnlyList<string> Folder { get; } = [FolderMark];

    /// <summary>All sites.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Log, .. Files, .. Folder];
}
