// Owns the raft log of a store: segments on disk, the in-memory index and the cache of new payloads.
// One thread writes; any thread reads. Invariants: one frame and one sync per write; nothing of a batch is visible
// before its sync succeeded; after any failure nothing is written again (Sync law); a number, once used for a file, is
// never used again.
using Kv.Engine.Files;

namespace Kv.Engine.Log;

/// <inheritdoc cref="ISharedLog"/>
public sealed partial class SharedLog : ISharedLog
{
    private readonly SharedLogOptions _options;
    private readonly SegmentFolder _folder;
    private readonly GroupTable _table;
    private readonly LogReplay _replay;
    private readonly BatchEncoder _encoder;
    private readonly EntryCache _cache;
    private readonly List<Segment> _segments;
    private readonly List<Segment> _superseded;
    private readonly ulong _logId;
    private readonly uint _seed;
    private uint _chain;
    private ulong _frameNumber;
    private bool _disposed;

    // Written by the log writer, read by any thread.
    private Exception? _failure;
    private long _sizeBytes;
    private long _syncCount;

    private SharedLog(SegmentFolder folder, SharedLogOptions options, RecoveredLog recovered)
    {
        _options = options;
        _folder = folder;
        _table = recovered.Table;
        _replay = new LogReplay(_table) { PurgedThrough = recovered.PurgedThrough };
        _encoder = new BatchEncoder(_table, options);
        _cache = new EntryCache(options.CacheBytesMax);
        _segments = recovered.Segments;
        _superseded = recovered.Superseded;
        _logId = recovered.LogId;
        _seed = LogFormat.Seed(recovered.LogId);
        _chain = recovered.Chain;
        _frameNumber = recovered.FrameNumber;
        DamagedGroups = recovered.Damaged;
        UpdateSize();
    }

    public long SizeBytes => Volatile.Read(ref _sizeBytes);

    public long SyncCount => Volatile.Read(ref _syncCount);

    /// <summary>Segments in use.</summary>
    public int SegmentCount => _segments.Count;

    /// <summary>Groups that were damaged at open, in rising order. They can only be destroyed (Damage law).</summary>
    public IReadOnlyList<LogDamage> DamagedGroups { get; }

    /// <summary>
    /// Opens the log in a folder, or founds one there. When it returns, all that it shows is durable, proved by a sync
    /// of its own. Throws <see cref="LogDamagedException"/> for damage that cannot be pinned to groups,
    /// <see cref="LogFormatException"/>
    /// for a newer or foreign log, <see cref="StorageException"/> when the disk fails. The caller holds the folder's
    /// lock.
    /// </summary>
    public static SharedLog Open(IFileSystem fileSystem, string folder, SharedLogOptions options)
    {
        options.Check();
        SegmentFolder segments = new(fileSystem, folder, options);
        return new SharedLog(segments, options, LogRecovery.Run(segments, options));
    }

    public IReadOnlyList<LogGroupState> Groups()
    {
        List<LogGroupState> states = [];
        foreach (LogGroup group in _table.All)
        {
            lock (group)
            {
                if (group.IsWhole)
                {
                    states.Add(group.ToState());
                }
            }
        }

        states.Sort((a, b) => a.Group.CompareTo(b.Group));
        return states;
    }

    public LogGroupState? Find(ulong group)
    {
        if (!_table.TryFind(group, out LogGroup? found))
        {
            return null;
        }

        lock (found)
        {
            ThrowIfDamaged(found);
            return found.ToState();
        }
    }

    public bool TryGetTerm(ulong group, ulong index, out ulong term)
    {
        term = 0;
        if (!_table.TryFind(group, out LogGroup? found))
        {
            return false;
        }

        lock (found)
        {
            ThrowIfDamaged(found);
            return found.TryGetTerm(index, out term);
        }
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        foreach (Segment segment in (IEnumerable<Segment>)[.. _segments, .. _superseded])
        {
            segment.Retire();
        }
    }

    private static void ThrowIfDamaged(LogGroup group)
    {
        if (!group.IsWhole)
        {
            LogDamage damage = group.Damage ?? default;
            throw new LogDamagedException(damage.File ?? "", damage.Offset, $"group {group.Id}: {damage.Reason}");
        }
    }

    private void UpdateSize()
    {
        long size = 0;
        foreach (Segment segment in _segments)
        {
            size += segment.Length;
        }

        Volatile.Write(ref _sizeBytes, size);
    }
}
