// Owns the freeing of old segments (Purge law): what still lives in the oldest one is rewritten at the log's end as
// records that can only take the place of the same state and entries; a mark makes the segment dead in the same sync;
// then its file goes.
using Kv.Base;

namespace Kv.Engine.Log;

public sealed partial class SharedLog
{
    // Rewrites are cut into frames of about this size.
    private const int RewriteFrameBytes = 1024 * 1024;

    // Rough bytes of a rewritten entry or state besides its payload.
    private const int RewriteOverheadBytes = 64;

    public bool Purge(long targetBytes)
    {
        ThrowIfDead();
        if (SizeBytes <= targetBytes || _segments.Count < 2)
        {
            return false;
        }

        Segment oldest = _segments[0];
        List<Rewrite> plan = [];
        if (!TryPlan(oldest, plan))
        {
            return false;
        }

        _encoder.Begin();
        int records = 0;
        foreach (Rewrite rewrite in plan)
        {
            EncodeRewrite(_encoder.Output, rewrite);
            records++;
            if (_encoder.Output.Length >= RewriteFrameBytes)
            {
                WriteRewrites(records);
                records = 0;
            }
        }

        RecordCodec.Begin(_encoder.Output, LogRecordType.PurgeMark, group: 0);
        _encoder.Output.WriteVarUInt64(oldest.Number);
        WriteRewrites(records + 1);
        Invariant.Require(_replay.PurgedThrough == oldest.Number && ReferenceEquals(_segments[0], oldest));
        _segments.RemoveAt(0);
        UpdateSize();
        Recycle([.. _superseded, oldest]);
        _superseded.Clear();
        return SizeBytes > targetBytes && _segments.Count >= 2;
    }

    /// <summary>
    /// What must be rewritten before the segment can go; false when that is too much, so that a group pins the log.
    /// </summary>
    private bool TryPlan(Segment oldest, List<Rewrite> plan)
    {
        long bytes = 0;
        foreach (LogGroup group in _table.All)
        {
            Invariant.Require(group.Root is not null);
            ulong last = group.LastIndexIn(oldest);
            if (last == 0 && !ReferenceEquals(group.Root, oldest))
            {
                continue;
            }

            // All entries up to the last one there, or up to the last one rewritten before, go along: what a replay
            // then finds as plain appends is exactly the rest.
            last = Math.Max(last, Math.Min(group.RestoredThrough, group.LastIndex));
            long groupBytes = 0;
            for (ulong index = group.TruncatedIndex + 1; index <= last; index++)
            {
                groupBytes += group[index].Length + RewriteOverheadBytes;
            }

            bytes += groupBytes + RewriteOverheadBytes;

            // Rewriting more than half a segment to free one would copy the log for ever.
            if (groupBytes > _options.RewriteBytesMax || bytes > oldest.Length / 2)
            {
                return false;
            }

            plan.Add(new Rewrite(group, last));
        }

        plan.Sort((a, b) => a.Group.Id.CompareTo(b.Group.Id));
        return true;
    }

    private static void EncodeRewrite(ByteBuilder output, Rewrite rewrite)
    {
        LogGroup group = rewrite.Group;
        if (!group.IsWhole)
        {
            RecordCodec.WriteDamageMark(output, group.Damage ?? new LogDamage(group.Id, "", 0, ""));
            return;
        }

        RecordCodec.Begin(output, LogRecordType.Restore, group.Id);
        output.WriteVarUInt64(group.HardState.Term);
        output.WriteVarUInt64(group.HardState.Vote);
        output.WriteVarUInt64(group.HardState.Commit);
        output.WriteVarUInt64(group.TruncatedIndex);
        output.WriteVarUInt64(group.TruncatedTerm);
        output.WriteVarUInt64(group.LastIndex);
        output.WriteVarUInt64(group.LastTerm);
        ulong count = rewrite.Last <= group.TruncatedIndex ? 0 : rewrite.Last - group.TruncatedIndex;
        output.WriteVarUInt64(count);
        for (ulong index = group.TruncatedIndex + 1; index <= group.TruncatedIndex + count; index++)
        {
            EntryPlace place = group[index];
            LogEntry entry = new(index, place.Term, place.Kind, LoadOne(group.Id, index, place), place.Crc);
            RecordCodec.WriteEntry(output, entry);
        }
    }

    /// <summary>
    /// Makes the encoded rewrites durable, then moves the places: by the same code that a replay uses.
    /// </summary>
    private void WriteRewrites(int records)
    {
        int bodyLength = _encoder.Output.Length - LogFormat.FrameHeaderBytes;
        long offset = WriteFrame(_encoder.Output, records);
        _replay.Apply(
            _encoder.Output.Slice(LogFormat.FrameHeaderBytes, bodyLength), Active, offset + LogFormat.FrameHeaderBytes);
        _encoder.Begin();
    }

    /// <summary>A group and the last of its entries to be rewritten; 0 = its state alone.</summary>
    private readonly record struct Rewrite(LogGroup Group, ulong Last);
}
