// Owns the replicated state machine of one region as the apply loop drives it. Apply is a pure function of (state,
// entry) and total: no client input stops it (Apply law). Every decision here is the same on every peer.
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store.Meta;

namespace Kv.Store.Apply;

internal enum CommandStatus : byte
{
    Applied = 0,
    EpochNotMatch = 1,
    KeyNotInRegion = 2,
    BelowFloor = 3,
    BelowMark = 4,
}

/// <summary>
/// What apply decided on one command. <paramref name="Told"/> is the whole answer of a write that has more to tell than
/// its revision; null for all others.
/// </summary>
internal readonly record struct CommandResult(
    CommandStatus Status, ulong Revision, ulong Floor, ulong RegionTime, WriteResult? Told = null);

/// <summary>What an entry needs before it is applied.</summary>
internal enum EntryNeeds : byte
{
    Nothing = 0,

    /// <summary>It reads: the batch must be readable.</summary>
    Reads = 1,

    /// <summary>This version does not know it: the peer stops before it.</summary>
    Stop = 2,
}

internal sealed class RegionApplier
{
    /// <summary>A stamp this far ahead of region time cannot be honest; keeping its outcome would never end.</summary>
    public const ulong StampAheadMax = 3_600_000_000;

    private const ulong FloorStep = 1_000_000;

    private readonly long _outcomeBytesMax;
    private readonly ulong _outcomeAge;
    private AppliedState _state;
    private OnceTable? _once;
    private Action<AppliedCommand>? _observer;
    private byte[] _scratch = new byte[512];

    public RegionApplier(RegionHandle handle, AppliedState state, long outcomeBytesMax, long outcomeAgeMs)
    {
        Handle = handle;
        _state = state;
        _outcomeBytesMax = outcomeBytesMax;
        _outcomeAge = (ulong)outcomeAgeMs * 1000;
        handle.RegionTime = state.RegionTime;
        handle.SetApplied(state.Index, state.Term);
    }

    public RegionHandle Handle { get; }

    public AppliedState State => _state;

    /// <summary>In the batch being built; cleared when it is written.</summary>
    public bool InBatch { get; set; }

    /// <summary>Applied but not yet noted as durable (Cut law).</summary>
    public bool DurableDirty { get; set; }

    /// <summary>Set when an entry could not be understood: the peer has stopped here.</summary>
    public string? StoppedBy { get; private set; }

    public OnceTable? Once => _once;

    /// <summary>
    /// Forgets the outcomes in memory; meta keeps them (Once law: sleeping regions keep none in memory).
    /// </summary>
    public void Unload() => _once = null;

    /// <summary>
    /// Looks at the next entry, before anything of it is applied. With <see cref="EntryNeeds.Stop"/> it must not be
    /// applied, and the peer stops.
    /// </summary>
    public EntryNeeds Check(in Entry entry)
    {
        Invariant.Require(entry.Index == _state.Index.Next(),
            $"region {Handle.Id}: {entry.Index} follows {_state.Index}");
        Invariant.Require(entry.Term >= _state.Term);
        if (entry.Kind == EntryKind.Empty)
        {
            return EntryNeeds.Nothing;
        }

        // Bytes law: the CRC is checked before apply.
        Invariant.Require(Crc32C.Compute(entry.Data.Span) == entry.DataCrc,
            $"region {Handle.Id}: entry {entry.Index} is damaged in memory");
        if (entry.Kind != EntryKind.Normal)
        {
            StoppedBy = $"entry {entry.Index} is of kind {entry.Kind}, which this version does not apply";
            return EntryNeeds.Stop;
        }

        if (FirstUnknown(entry.Data.Span, out bool reads) is { } unknown)
        {
            StoppedBy = $"entry {entry.Index}: {unknown}";
            return EntryNeeds.Stop;
        }

        return reads ? EntryNeeds.Reads : EntryNeeds.Nothing;
    }

    /// <summary>
    /// Applies an entry that was looked at by <see cref="Check"/> into the batch; adds one result per command.
    /// </summary>
    public void Apply(
        in Entry entry, ApplyBatch batch, GuardedWrite guarded, List<CommandResult> results,
        Action<AppliedCommand>? observer)
    {
        Invariant.Require(entry.Index == _state.Index.Next() && StoppedBy is null);
        if (entry.Kind == EntryKind.Empty)
        {
            _state = _state with { Index = entry.Index, Term = entry.Term };
            return;
        }

        _observer = observer;
        ApplyCommands(entry, batch, guarded, results);
    }

    /// <summary>
    /// Walks the entry once before anything of it takes effect, so that an unknown command stops it whole.
    /// </summary>
    private static string? FirstUnknown(ReadOnlySpan<byte> data, out bool reads)
    {
        reads = false;
        try
        {
            var reader = new EntryReader(data);
            while (reader.TryRead(out CommandReader command))
            {
                if (command.IsPlain)
                {
                    while (command.TryRead(out _, out _, out _))
                    {
                    }
                }
                else
                {
                    reads = true;
                    while (command.TryRead(out _))
                    {
                    }
                }
            }

            return null;
        }
        catch (UnknownCommandException e)
        {
            return e.Message;
        }
        catch (MalformedDataException e)
        {
            return e.Message;
        }
    }

    private void ApplyCommands(in Entry entry, ApplyBatch batch, GuardedWrite guarded, List<CommandResult> results)
    {
        var reader = new EntryReader(entry.Data.Span);
        RegionDescriptor descriptor = Handle.Descriptor;
        ulong regionTime = Math.Max(_state.RegionTime, reader.Header.RegionTime);
        _state = _state with { Index = entry.Index, Term = entry.Term, RegionTime = regionTime };
        bool versionHolds = reader.Header.RegionVersion == descriptor.Epoch.Version;
        _once ??= OnceTable.Load(batch.Engine, Handle.Id, _outcomeBytesMax, _state.Floor);
        while (reader.TryRead(out CommandReader command))
        {
            results.Add(versionHolds
                ? ApplyCommand(ref command, descriptor, entry.Index, batch, guarded)
                : new CommandResult(CommandStatus.EpochNotMatch, 0, 0, regionTime));
        }

        ulong ageFloor = regionTime > _outcomeAge ? (regionTime - _outcomeAge) / FloorStep * FloorStep : 0;
        _state = _state with { Floor = _once.EndEntry(batch.Inner, _state.Floor, ageFloor) };
    }

    private CommandResult ApplyCommand(scoped ref CommandReader command, RegionDescriptor descriptor, LogIndex index,
        ApplyBatch batch, GuardedWrite guarded)
    {
        CommandIdentity identity = command.Identity;
        KeySpan span = command.IsPlain ? SpanOfPlain(command, descriptor) : SpanOf(command, descriptor);
        if (!span.IsInRegion)
        {
            return new CommandResult(CommandStatus.KeyNotInRegion, 0, 0, _state.RegionTime);
        }

        if (identity.Stamp > _state.RegionTime + StampAheadMax)
        {
            return new CommandResult(CommandStatus.BelowFloor, 0, _state.Floor, _state.RegionTime);
        }

        switch (_once!.Check(identity, span.First, _state.Floor, out ulong revision, out byte[]? remembered))
        {
            case OnceVerdict.Duplicate:
                return new CommandResult(CommandStatus.Applied, revision, 0, _state.RegionTime,
                    remembered is null ? null : RememberedResult.Restore(remembered, revision));
            case OnceVerdict.BelowFloor:
                return new CommandResult(CommandStatus.BelowFloor, 0, _state.Floor, _state.RegionTime);
            case OnceVerdict.BelowMark:
                return new CommandResult(CommandStatus.BelowMark, 0, 0, _state.RegionTime);
            case OnceVerdict.New:
            default:
                break;
        }

        revision = _state.Revision + 1;
        _state = _state with { Revision = revision };
        WriteResult? told = null;
        if (command.IsPlain)
        {
            while (command.TryRead(out MutationKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
            {
                Mutate(batch, kind, key, value, revision);
            }

            _once.Record(identity, index, span.First, span.Last, revision);
        }
        else
        {
            told = guarded.Execute(ref command, revision, batch);
            _once.Record(
                identity, index, span.First, span.Last, revision, span.EndsBeforeLast, RememberedResult.Of(told));
        }

        _observer?.Invoke(new AppliedCommand(Handle.Id, index, identity, revision, told));
        return new CommandResult(CommandStatus.Applied, revision, 0, _state.RegionTime, told);
    }

    private static KeySpan SpanOfPlain(CommandReader command, RegionDescriptor descriptor)
    {
        KeySpan span = default;
        bool any = false;
        while (command.TryRead(out _, out ReadOnlySpan<byte> key, out _))
        {
            if (!descriptor.Contains(key))
            {
                return default;
            }

            span.First = !any || key.SequenceCompareTo(span.First) < 0 ? key : span.First;
            span.Last = !any || key.SequenceCompareTo(span.Last) > 0 ? key : span.Last;
            any = true;
        }

        span.IsInRegion = true;
        return span;
    }

    /// <summary>The same for ranges as well: a range ends before its end, unless a key lies there.</summary>
    private static KeySpan SpanOf(CommandReader command, RegionDescriptor descriptor)
    {
        KeySpan span = default;
        bool any = false;
        while (command.TryRead(out CommandMutation mutation))
        {
            bool isRange = mutation.Kind == MutationKind.DeleteRange;
            if (!descriptor.Contains(mutation.Key)
                || (isRange && mutation.End.SequenceCompareTo(descriptor.End) > 0))
            {
                return default;
            }

            ReadOnlySpan<byte> last = isRange ? mutation.End : mutation.Key;
            span.First = !any || mutation.Key.SequenceCompareTo(span.First) < 0 ? mutation.Key : span.First;
            int order = any ? last.SequenceCompareTo(span.Last) : 1;
            if (order > 0)
            {
                span.Last = last;
                span.EndsBeforeLast = isRange;
            }
            else if (order == 0)
            {
                span.EndsBeforeLast &= isRange;
            }

            any = true;
        }

        span.IsInRegion = true;
        return span;
    }

    private void Mutate(ApplyBatch batch, MutationKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value,
        ulong revision)
    {
        switch (kind)
        {
            case MutationKind.Put:
                int length = StoredValue.HeaderBytes + value.Length;
                if (_scratch.Length < length)
                {
                    _scratch = new byte[Math.Max(length, _scratch.Length * 2)];
                }

                StoredValue.Write(_scratch, revision, value);
                batch.Put(ColumnFamily.Data, key, _scratch.AsSpan(0, length));
                break;
            case MutationKind.Delete:
                batch.Delete(ColumnFamily.Data, key);
                break;
            default:
                throw Invariant.Unreachable(kind);
        }
    }

    /// <summary>The span of a command's keys, pointing into the entry.</summary>
    private ref struct KeySpan
    {
        public ReadOnlySpan<byte> First { get; set; }

        public ReadOnlySpan<byte> Last { get; set; }

        public bool EndsBeforeLast { get; set; }

        /// <summary>Whether all keys lie in the region; if not, the rest is not set.</summary>
        public bool IsInRegion { get; set; }
    }
}
