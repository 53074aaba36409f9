// Owns the open of a log: which segments live, where the tail ends, what is damage. Read docs/on-disk-format.md first.
// Invariants: frames are synced one by one, so of all frames found only the last can be in doubt, and only a break
// behind it can be a torn tail. The last frame is therefore copied into a new segment and synced there before the log
// opens, and the old tail is never written again (Frame law: this covers also a sync that failed before the restart and
// left clean, undurable pages).
using System.Security.Cryptography;
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Log;

internal sealed class LogRecovery
{
    // Records of a replaced tail are carried on from open to open; beyond this the tail stays a segment of its own.
    private const int CarriedBytesMax = 64 * 1024;

    private readonly SegmentFolder _folder;
    private readonly SharedLogOptions _options;
    private readonly GroupTable _table = new();
    private readonly LogReplay _replay;
    private readonly SortedDictionary<ulong, Found> _found = [];
    private readonly List<Segment> _superseded = [];

    private LogRecovery(SegmentFolder folder, SharedLogOptions options)
    {
        _folder = folder;
        _options = options;
        _replay = new LogReplay(_table);
    }

    public static RecoveredLog Run(SegmentFolder folder, SharedLogOptions options)
    {
        LogRecovery recovery = new(folder, options);
        try
        {
            return recovery.Run();
        }
        catch
        {
            foreach (Found found in recovery._found.Values)
            {
                found.Segment.Retire();
            }

            throw;
        }
    }

    private RecoveredLog Run()
    {
        foreach (ulong number in _folder.List())
        {
            Segment segment = _folder.OpenSegment(number);
            Found found = new(segment);
            _found.Add(number, found);
            found.Header = SegmentHeader.TryRead(segment.File, number);
        }

        Found? tip = _found.Values.LastOrDefault(found => found.Header is not null);
        if (tip?.Header is null)
        {
            return FoundAnew();
        }

        DropNeverBegun(tip);
        List<Found> chain = LinkBack(tip);
        for (int i = 0; i < chain.Count - 1; i++)
        {
            ReplaySealed(chain[i], chain[i + 1].Header!);
        }

        return OpenTip(chain);
    }

    private RecoveredLog FoundAnew()
    {
        foreach (Found found in _found.Values)
        {
            RequireBlank(found.Segment);
            _superseded.Add(found.Segment);
        }

        if (_options.ExpectExisting)
        {
            throw new LogDamagedException(_folder.FolderPath, 0, "the store had a raft log, and there is none");
        }

        SegmentHeader header = new()
        {
            LogId = _options.LogId != 0 ? _options.LogId : DrawLogId(),
            FileNumber = NextNumber(),
            PreviousFile = 0,
            PreviousEnd = 0,
            PreviousChain = 0,
            PurgedThrough = 0,
            FirstFrameNumber = 1,
            Index = [],
            Carried = [],
        };
        return Begin(header, []);
    }

    private static ulong DrawLogId()
    {
        Span<byte> drawn = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(drawn);
        return BitConverter.ToUInt64(drawn) | 1;
    }

    /// <summary>
    /// Without any readable opening block a founding may have been cut short; then no frame was ever written.
    /// </summary>
    private static void RequireBlank(Segment segment)
    {
        Span<byte> window = new byte[64 * 1024];
        for (long offset = LogFormat.SegmentHeaderBytes; offset < segment.Length; offset += window.Length)
        {
            Span<byte> read = window[..segment.File.ReadAt(offset, window)];
            if (read.ContainsAnyExcept((byte)0))
            {
                throw new LogDamagedException(segment.Name, 0, "no segment of the log has a readable opening block");
            }
        }
    }

    /// <summary>
    /// Files newer than the tip have no opening block. With a frame in one the block is damaged, else it never was.
    /// </summary>
    private void DropNeverBegun(Found tip)
    {
        uint seed = LogFormat.Seed(tip.Header!.LogId);
        foreach (Found found in _found.Values.Where(found => found.Segment.Number > tip.Segment.Number))
        {
            FrameScanner scanner = new(found.Segment.File, seed, found.Segment.Number, found.Segment.Length, default);
            if (scanner.FindProofOfDurability(0) is { } frame)
            {
                throw new LogDamagedException(
                    found.Segment.Name, 0, $"the opening block is unreadable, and a frame follows at {frame.Offset}");
            }

            _superseded.Add(found.Segment);
        }
    }

    /// <summary>The segments that the tip leads back to, oldest first. All others are dead.</summary>
    private List<Found> LinkBack(Found tip)
    {
        List<Found> chain = [tip];
        while (chain[^1].Header!.PreviousFile != 0
            && _found.TryGetValue(chain[^1].Header!.PreviousFile, out Found? previous)
            && previous.Header is not null)
        {
            Invariant.Require(previous.Segment.Number < chain[^1].Segment.Number);
            chain.Add(previous);
        }

        chain.Reverse();
        foreach (Found found in chain)
        {
            if (found.Header!.LogId != tip.Header!.LogId)
            {
                throw new LogFormatException(found.Segment.Name, "the segment belongs to another store's log");
            }

            _replay.PurgedThrough = Math.Max(_replay.PurgedThrough, found.Header.PurgedThrough);
        }

        return chain;
    }

    private void ReplaySealed(Found found, SegmentHeader next)
    {
        _table.BeginSegment(found.Segment.Number);
        FrameScanner scanner = Scanner(found, Math.Min(next.PreviousEnd, found.Segment.Length));
        string? broken = null;
        try
        {
            ApplyBody(found.Header!.Carried, found.Segment, found.Header.CarriedOffset);
            while (scanner.Position.Offset < next.PreviousEnd && scanner.TryNext(out _))
            {
                ApplyBody(scanner.Body, found.Segment, scanner.Position.BodyOffset);
            }

            bool complete = scanner.Position.Offset == next.PreviousEnd && scanner.Position.Chain == next.PreviousChain
                && scanner.Position.FrameNumber == next.FirstFrameNumber;
            broken = complete ? null : scanner.Break;
        }
        catch (StorageException exception)
        {
            broken = exception.Message;
        }

        found.Segment.End = next.PreviousEnd;
        if (broken is not null)
        {
            _replay.DamageGroups(SegmentIndex.Decode(next.Index), found.Segment, scanner.Position.Offset, broken);
        }
    }

    /// <summary>
    /// Replays the tip up to its last frame, and hands that frame over to a new segment together with the carried
    /// records when it is all the tip has. Then the tip is replaced and not only followed, so that idle restarts do not
    /// add segments.
    /// </summary>
    private RecoveredLog OpenTip(List<Found> chain)
    {
        Found tip = chain[^1];
        SegmentHeader header = tip.Header!;
        _table.BeginSegment(tip.Segment.Number);
        FrameScanner scanner = Scanner(tip, tip.Segment.Length);
        bool replaces = true;
        byte[] last = [];
        ScanPosition beforeLast = scanner.Position;
        int frames = 0;
        while (true)
        {
            ScanPosition before = scanner.Position;
            if (!scanner.TryNext(out FrameHeader frame))
            {
                break;
            }

            byte[] body = scanner.Body.ToArray();
            if (++frames == 2 || header.Carried.Length + body.Length > CarriedBytesMax)
            {
                replaces = false;
            }

            if (frames >= 2)
            {
                if (frames == 2)
                {
                    ApplyBody(header.Carried, tip.Segment, header.CarriedOffset);
                }

                ApplyBody(last, tip.Segment, beforeLast.Offset + LogFormat.FrameHeaderBytes);
            }

            last = body;
            beforeLast = before;
        }

        RequireTornTail(scanner, tip);
        if (!replaces && frames < 2)
        {
            ApplyBody(header.Carried, tip.Segment, header.CarriedOffset);
        }

        return replaces
            ? Replace(chain, last, beforeLast.FrameNumber)
            : Follow(chain, last, beforeLast);
    }

    private RecoveredLog Replace(List<Found> chain, byte[] last, ulong frameNumber)
    {
        Found tip = chain[^1];
        _superseded.Add(tip.Segment);
        chain.RemoveAt(chain.Count - 1);
        SegmentHeader header = tip.Header! with
        {
            FileNumber = NextNumber(),
            PurgedThrough = _replay.PurgedThrough,
            FirstFrameNumber = frameNumber,
            Carried = [.. tip.Header!.Carried, .. last],
        };
        return Begin(header, chain);
    }

    private RecoveredLog Follow(List<Found> chain, byte[] last, ScanPosition end)
    {
        Found tip = chain[^1];
        tip.Segment.End = end.Offset;
        SegmentHeader header = new()
        {
            LogId = tip.Header!.LogId,
            FileNumber = NextNumber(),
            PreviousFile = tip.Segment.Number,
            PreviousEnd = end.Offset,
            PreviousChain = end.Chain,
            PurgedThrough = _replay.PurgedThrough,
            FirstFrameNumber = end.FrameNumber,
            Index = SegmentIndex.Encode(_table.Touched),
            Carried = last,
        };
        return Begin(header, chain);
    }

    /// <summary>Frame law: a break is a tail unless a later frame proves that it was durable.</summary>
    private static void RequireTornTail(FrameScanner scanner, Found tip)
    {
        long offset = scanner.Position.Offset;
#if PLANT_FRAME_MIDDLE // Frame law: every break is taken for a tail
        offset = tip.Segment.Length;
#endif
        if (scanner.FindProofOfDurability(offset) is { } proof)
        {
            throw new LogDamagedException(
                tip.Segment.Name,
                offset,
                $"{scanner.Break}, but frame "
                    + $"{proof.FrameNumber} at {proof.Offset} names {proof.DurableOffset} durable");
        }
    }

    private RecoveredLog Begin(SegmentHeader header, List<Found> chain)
    {
        Segment fresh = new(header.FileNumber, SegmentFolder.NameOf(header.FileNumber));
        _table.BeginSegment(fresh.Number);
        ApplyBody(header.Carried, fresh, header.CarriedOffset);
        List<Found> live = WithoutPurged(chain, header);
        List<LogDamage> damaged = _replay.Finish();
        header = MarkDamaged(header, damaged, fresh);
        _folder.Create(fresh, header, frameBytes: 0);
        CollectDead(live);
        return new RecoveredLog
        {
            LogId = header.LogId,
            Table = _table,
            Segments = [.. live.Select(found => found.Segment), fresh],
            Superseded = _superseded,
            Chain = header.Crc,
            FrameNumber = header.FirstFrameNumber,
            PurgedThrough = _replay.PurgedThrough,
            Damaged = damaged,
        };
    }

    private List<Found> WithoutPurged(List<Found> chain, SegmentHeader header)
    {
        List<Found> live = [.. chain.Where(found => found.Segment.Number > _replay.PurgedThrough)];
        SegmentHeader oldest = live.Count == 0 ? header : live[0].Header!;
        if (oldest.PreviousFile > _replay.PurgedThrough)
        {
            string name = SegmentFolder.NameOf(oldest.PreviousFile);
            string reason = _found.ContainsKey(oldest.PreviousFile)
                ? "the opening block is unreadable"
                : "the segment is missing, and later ones follow it";
            throw new LogDamagedException(name, 0, reason);
        }

        return live;
    }

    /// <summary>
    /// Makes newly found damage durable in the fresh segment, so that it outlives the purge of where it was found.
    /// </summary>
    private SegmentHeader MarkDamaged(SegmentHeader header, List<LogDamage> damaged, Segment fresh)
    {
        ByteBuilder marks = new(256);
        foreach (LogDamage damage in damaged)
        {
            bool found = _table.TryFind(damage.Group, out LogGroup? group);
            Invariant.Require(found && group is not null);
            if (group.Root is null || group.Root.Number != fresh.Number)
            {
                RecordCodec.WriteDamageMark(marks, damage);
                group.Root = fresh;
                _table.Touch(group);
            }
        }

        return marks.Length == 0 ? header : header with { Carried = [.. header.Carried, .. marks.Written] };
    }

    private void CollectDead(List<Found> live)
    {
        HashSet<Segment> kept = [.. live.Select(found => found.Segment), .. _superseded];
        _superseded.AddRange(_found.Values.Select(found => found.Segment).Where(segment => !kept.Contains(segment)));
    }

    private ulong NextNumber() => _found.Count == 0 ? 1 : _found.Keys.Last() + 1;

    private static FrameScanner Scanner(Found found, long limit)
    {
        SegmentHeader header = found.Header!;
        ScanPosition start = new(header.FramesOffset, header.Crc, header.FirstFrameNumber, BodyOffset: 0);
        return new FrameScanner(found.Segment.File, LogFormat.Seed(header.LogId), header.FileNumber, limit, start);
    }

    private void ApplyBody(ReadOnlySpan<byte> body, Segment segment, long bodyOffset)
    {
        try
        {
            _replay.Apply(body, segment, bodyOffset);
        }
        catch (MalformedDataException exception)
        {
            throw new LogDamagedException(
                segment.Name, bodyOffset, $"records with a good checksum do not parse: {exception.Message}");
        }
    }

    private sealed class Found(Segment segment)
    {
        public Segment Segment { get; } = segment;

        public SegmentHeader? Header { get; set; }
    }
}
