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

/// <summary>What apply decided on one command.</summary>
internal readonly record struct CommandResult(CommandStatus Status, ulong Revision, ulong Floor, ulong RegionTime);

internal sealed class RegionApplier
{
    /// <summary>A stamp this far ahead of region time cannot be honest; keeping its outcome would never end.</summary>
    public const ulong StampAheadMax = 3_600_000_000;

    private const ulong FloorStep = 1_000_000;

    private readonly long _outcomeBytesMax;
    private readonly ulong _outcomeAge;
    private AppliedState _state;
    private OnceTable? _once;
    private Action<RegionId, LogIndex, CommandIdentity>? _observer;
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
    /// Applies one entry into the batch; adds one result per command. False when the entry is of a kind this version
    /// does not know: then nothing of it was applied and the peer must stop.
    /// </summary>
    public bool Apply(
        in Entry entry, IEngine engine, IEngineBatch batch, List<CommandResult> results,
        Action<RegionId, LogIndex, CommandIdentity>? observer)
    {
        Invariant.Require(entry.Index == _state.Index.Next(),
            $"region {Handle.Id}: {entry.Index} follows {_state.Index}");
        Invariant.Require(entry.Term >= _state.Term);
        if (entry.Kind == EntryKind.Empty)
        {
            _state = _state with { Index = entry.Index, Term = entry.Term };
            return true;
        }

        // Bytes law: the CRC is checked before apply.
        Invariant.Require(Crc32C.Compute(entry.Data.Span) == entry.DataCrc,
            $"region {Handle.Id}: entry {entry.Index} is damaged in memory");
        if (entry.Kind != EntryKind.Normal)
        {
            StoppedBy = $"entry {entry.Index} is of kind {entry.Kind}, which this version does not apply";
            return false;
        }

        string? unknown = FirstUnknown(entry.Data.Span);
        if (unknown is not null)
        {
            StoppedBy = $"entry {entry.Index}: {unknown}";
            return false;
        }

        _observer = observer;
        ApplyCommands(entry, engine, batch, results);
        return true;
    }

    /// <summary>
    /// Walks the entry once before anything of it takes effect, so that an unknown command stops it whole.
    /// </summary>
    private static string? FirstUnknown(ReadOnlySpan<byte> data)
    {
        try
        {
            var reader = new EntryReader(data);
            while (reader.TryRead(out CommandReader command))
            {
                while (command.TryRead(out _, out _, out _))
                {
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

    private void ApplyCommands(in Entry entry, IEngine engine, IEngineBatch batch, List<CommandResult> results)
    {
        var reader = new EntryReader(entry.Data.Span);
        RegionDescriptor descriptor = Handle.Descriptor;
        ulong regionTime = Math.Max(_state.RegionTime, reader.Header.RegionTime);
        _state = _state with { Index = entry.Index, Term = entry.Term, RegionTime = regionTime };
        bool versionHolds = reader.Header.RegionVersion == descriptor.Epoch.Version;
        _once ??= OnceTable.Load(engine, Handle.Id, _outcomeBytesMax, _state.Floor);
        while (reader.TryRead(out CommandReader command))
        {
            results.Add(versionHolds
                ? ApplyCommand(ref command, descriptor, entry.Index, batch)
                : new CommandResult(CommandStatus.EpochNotMatch, 0, 0, regionTime));
        }

        ulong ageFloor = regionTime > _outcomeAge ? (regionTime - _outcomeAge) / FloorStep * FloorStep : 0;
        _state = _state with { Floor = _once.EndEntry(batch, _state.Floor, ageFloor) };
    }

    private CommandResult ApplyCommand(ref CommandReader command, RegionDescriptor descriptor, LogIndex index,
        IEngineBatch batch)
    {
        CommandIdentity identity = command.Identity;
        ReadOnlySpan<byte> first = default;
        ReadOnlySpan<byte> last = default;
        CommandReader look = command;
        bool any = false;
        while (look.TryRead(out _, out ReadOnlySpan<byte> key, out _))
        {
            if (!descriptor.Contains(key))
            {
                return new CommandResult(CommandStatus.KeyNotInRegion, 0, 0, _state.RegionTime);
            }

            first = !any || key.SequenceCompareTo(first) < 0 ? key : first;
            last = !any || key.SequenceCompareTo(last) > 0 ? key : last;
            any = true;
        }

        if (identity.Stamp > _state.RegionTime + StampAheadMax)
        {
            return new CommandResult(CommandStatus.BelowFloor, 0, _state.Floor, _state.RegionTime);
        }

        switch (_once!.Check(identity, first, _state.Floor, out ulong revision))
        {
            case OnceVerdict.Duplicate:
                return new CommandResult(CommandStatus.Applied, revision, 0, _state.RegionTime);
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
        while (command.TryRead(out MutationKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
        {
            Mutate(batch, kind, key, value, revision);
        }

        _once.Record(identity, index, first, last, revision);
        _observer?.Invoke(Handle.Id, index, identity);
        return new CommandResult(CommandStatus.Applied, revision, 0, _state.RegionTime);
    }

    private void Mutate(IEngineBatch batch, MutationKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value,
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
}
