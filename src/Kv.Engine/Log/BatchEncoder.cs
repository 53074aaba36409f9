// Owns the way from a batch to the bytes of a frame, and from the synced frame to the in-memory index. Every operation
// is checked against the group as the operations before it leave it, before a byte is written: what the log cannot take
// back must be right. Invariant: encoding changes nothing that a reader sees; Apply runs only after the frame's sync
// succeeded.
using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Engine.Log;

internal sealed class BatchEncoder(GroupTable table, SharedLogOptions options)
{
    private const int BufferBytesKept = 4 * 1024 * 1024;
    private const int BufferBytesStart = 64 * 1024;

    private readonly Dictionary<ulong, StagedGroup> _staged = [];
    private readonly List<Step> _steps = [];
    private EntryPlace[] _places = new EntryPlace[64];
    private int _placeCount;
    private int _operation;

    /// <summary>The frame: room for its header, then the records.</summary>
    public ByteBuilder Output { get; private set; } = new(BufferBytesStart);

    public int RecordCount { get; private set; }

    public void Begin()
    {
        if (Output.Capacity > BufferBytesKept)
        {
            Output = new ByteBuilder(BufferBytesStart);
        }

        Output.Clear();
        Output.Skip(LogFormat.FrameHeaderBytes);
        RecordCount = 0;
        _staged.Clear();
        _steps.Clear();
        _places.AsSpan(0, _placeCount).Clear();
        _placeCount = 0;
    }

    public void Encode(LogBatch batch)
    {
        for (_operation = 0; _operation < batch.Operations.Count; _operation++)
        {
            LogOperation operation = batch.Operations[_operation];
            Invariant.Require(operation.Group != 0);
            ref StagedGroup staged = ref Stage(operation.Group);
            if (staged.IsDamaged && operation.Kind != LogOperationKind.Destroy)
            {
                LogDamage damage = staged.Group?.Damage ?? default;
                throw new LogDamagedException(
                    damage.File ?? "", damage.Offset,
                    $"group {operation.Group} is damaged and can only be destroyed: {damage.Reason}");
            }

            switch (operation.Kind)
            {
                case LogOperationKind.HardState:
                    EncodeHardState(ref staged, operation);
                    break;
                case LogOperationKind.Append:
                    EncodeAppend(ref staged, operation);
                    break;
                case LogOperationKind.CutPrefix:
                    EncodeCutPrefix(ref staged, operation);
                    break;
                case LogOperationKind.Reset:
                    EncodeReset(ref staged, operation);
                    break;
                case LogOperationKind.Destroy:
                    EncodeDestroy(ref staged, operation);
                    break;
                default:
                    throw Invariant.Unreachable(operation.Kind);
            }
        }
    }

    /// <summary>
    /// Makes the durable frame visible. <paramref name="cached"/> is told of every entry whose payload is now kept.
    /// </summary>
    public void Apply(LogBatch batch, Segment segment, long frameOffset, EntryCache cached)
    {
        Span<EntryPlace> places = _places.AsSpan(0, _placeCount);
        foreach (ref EntryPlace place in places)
        {
            place.Segment = segment;
            place.Offset += (uint)frameOffset;
        }

        foreach (Step step in _steps)
        {
            if (step.IsBirth)
            {
                LogGroup born = table.Add(step.Group, isWhole: true);
                born.Root = segment;
                table.Touch(born);
                continue;
            }

            LogOperation operation = batch.Operations[step.Operation];
            bool found = table.TryFind(operation.Group, out LogGroup? group);
            Invariant.Require(found && group is not null);
            ApplyStep(group, operation, places.Slice(step.FirstPlace, step.PlaceCount), cached);
        }
    }

    private void ApplyStep(
        LogGroup group, in LogOperation operation, ReadOnlySpan<EntryPlace> places, EntryCache cached)
    {
        table.Touch(group);
        lock (group)
        {
            switch (operation.Kind)
            {
                case LogOperationKind.HardState:
                    group.HardState = operation.HardState;
                    break;
                case LogOperationKind.Append:
                    group.Append(operation.Entries![0].Index, places);
                    break;
                case LogOperationKind.CutPrefix:
                    group.CutPrefix(operation.Index, operation.Term);
                    break;
                case LogOperationKind.Reset:
                    group.Reset(operation.Index, operation.Term);
                    break;
                case LogOperationKind.Destroy:
                    table.Remove(group.Id);
                    group.Reset(0, 0);
                    break;
                default:
                    throw Invariant.Unreachable(operation.Kind);
            }
        }

        if (operation.Kind == LogOperationKind.Append)
        {
            ulong first = operation.Entries![0].Index;
            table.TouchEntries(group, first, first + (ulong)places.Length - 1);
            for (int i = 0; i < places.Length; i++)
            {
                cached.Add(group, first + (ulong)i, places[i].Data);
            }
        }
    }

    private ref StagedGroup Stage(ulong id)
    {
        ref StagedGroup staged = ref CollectionsMarshal.GetValueRefOrAddDefault(_staged, id, out bool exists);
        if (!exists && table.TryFind(id, out LogGroup? group))
        {
            staged = new StagedGroup
            {
                Group = group,
                Exists = true,
                IsDamaged = !group.IsWhole,
                HardState = group.HardState,
                TruncatedIndex = group.TruncatedIndex,
                TruncatedTerm = group.TruncatedTerm,
                LastIndex = group.LastIndex,
                LastTerm = group.LastTerm,
            };
        }

        return ref staged;
    }

    private void EncodeHardState(ref StagedGroup staged, in LogOperation operation)
    {
        LogHardState old = staged.HardState;
        LogHardState state = operation.HardState;
        Invariant.Require(
            state.Term >= old.Term, $"group {operation.Group}: term goes back from {old.Term} to {state.Term}");
        Invariant.Require(
            state.Term > old.Term || old.Vote == 0 || state.Vote == old.Vote,
            $"group {operation.Group}: vote in term {state.Term} changes from {old.Vote} to {state.Vote}");
        if (staged.Exists && state == old)
        {
            return;
        }

        BeginRecord(ref staged, operation, LogRecordType.HardState);
        Output.WriteVarUInt64(state.Term);
        Output.WriteVarUInt64(state.Vote);
        Output.WriteVarUInt64(state.Commit);
        staged.HardState = state;
    }

    private void EncodeAppend(ref StagedGroup staged, in LogOperation operation)
    {
        IReadOnlyList<LogEntry> entries = operation.Entries!;
        if (entries.Count == 0)
        {
            return;
        }

        ulong first = entries[0].Index;
        Invariant.Require(
            first > staged.TruncatedIndex && first <= staged.LastIndex + 1,
            $"group {operation.Group}: append at {first}, log is ({staged.TruncatedIndex}, {staged.LastIndex}]");
        ulong term = TermBefore(staged, first);
        BeginRecord(ref staged, operation, LogRecordType.Append, entries.Count);
        Output.WriteVarUInt64(first);
        Output.WriteVarUInt64((ulong)entries.Count);
        for (int i = 0; i < entries.Count; i++)
        {
            LogEntry entry = entries[i];
            Invariant.Require(
                entry.Index == first + (ulong)i && entry.Term >= term,
                $"group {operation.Group}: entry {entry.Index} term {entry.Term} "
                    + $"follows {first + (ulong)i - 1} term {term}");
            term = entry.Term;
            CheckLimits(operation.Group, entry);
            Invariant.Require(
                Crc32C.Compute(entry.Data.Span) == entry.DataCrc, $"group {operation.Group} entry {entry.Index}");
            AddPlace(RecordCodec.WriteEntry(Output, entry), entry);
        }

        staged.EntriesChanged = true;
        staged.LastIndex = first + (ulong)entries.Count - 1;
        staged.LastTerm = term;
    }

    private void EncodeCutPrefix(ref StagedGroup staged, in LogOperation operation)
    {
        if (operation.Index <= staged.TruncatedIndex)
        {
            return;
        }

        Invariant.Require(
            operation.Index <= staged.LastIndex,
            $"group {operation.Group}: cut at {operation.Index}, last {staged.LastIndex}");
        if (!staged.EntriesChanged)
        {
            ulong term = staged.Group![operation.Index].Term;
            Invariant.Require(
                term == operation.Term,
                $"group {operation.Group}: cut at {operation.Index} term {operation.Term}, is {term}");
        }

        BeginRecord(ref staged, operation, LogRecordType.CutPrefix);
        Output.WriteVarUInt64(operation.Index);
        Output.WriteVarUInt64(operation.Term);
        staged.TruncatedIndex = operation.Index;
        staged.TruncatedTerm = operation.Term;
    }

    private void EncodeReset(ref StagedGroup staged, in LogOperation operation)
    {
        BeginRecord(ref staged, operation, LogRecordType.Reset);
        Output.WriteVarUInt64(operation.Index);
        Output.WriteVarUInt64(operation.Term);
        staged.EntriesChanged = true;
        staged.TruncatedIndex = operation.Index;
        staged.TruncatedTerm = operation.Term;
        staged.LastIndex = operation.Index;
        staged.LastTerm = operation.Term;
    }

    private void EncodeDestroy(ref StagedGroup staged, in LogOperation operation)
    {
        if (!staged.Exists)
        {
            return;
        }

        BeginRecord(ref staged, operation, LogRecordType.Destroy);
        staged = new StagedGroup { EntriesChanged = true };
    }

    private void BeginRecord(ref StagedGroup staged, in LogOperation operation, LogRecordType type, int placeCount = 0)
    {
        if (!staged.Exists)
        {
            Invariant.Require(type != LogRecordType.CutPrefix && type != LogRecordType.Destroy);
            RecordCodec.Begin(Output, LogRecordType.Birth, operation.Group);
            RecordCount++;
            _steps.Add(new Step(operation.Group, IsBirth: true, _operation, 0, 0));
            staged.Exists = true;
        }

        RecordCodec.Begin(Output, type, operation.Group);
        RecordCount++;
        _steps.Add(new Step(operation.Group, IsBirth: false, _operation, _placeCount, placeCount));
    }

    private void AddPlace(int offset, in LogEntry entry)
    {
        if (_placeCount == _places.Length)
        {
            Array.Resize(ref _places, _places.Length * 2);
        }

        _places[_placeCount++] = new EntryPlace
        {
            Segment = null!,
            Data = entry.Data,
            Term = entry.Term,
            Offset = (uint)offset,
            Length = entry.Data.Length,
            Crc = entry.DataCrc,
            Kind = entry.Kind,
            IsCached = true,
        };
    }

    /// <summary>The term just before an append; 0 where the batch itself changed what is there.</summary>
    private static ulong TermBefore(in StagedGroup staged, ulong first)
    {
        if (first == staged.LastIndex + 1)
        {
            return staged.LastTerm;
        }

        return !staged.EntriesChanged && staged.Group!.TryGetTerm(first - 1, out ulong term) ? term : 0;
    }

    private void CheckLimits(ulong group, in LogEntry entry)
    {
        if (entry.Data.Length > options.EntryBytesMax)
        {
            throw new LogLimitException(
                $"entry {entry.Index} of group {group} has {entry.Data.Length} bytes, "
                    + $"the log takes at most {options.EntryBytesMax}");
        }

        if ((long)Output.Length + entry.Data.Length + RecordCodec.EntryOverheadMax > options.FrameBytesMax)
        {
            throw new LogLimitException(
                $"the batch passes {options.FrameBytesMax} bytes at "
                    + $"entry {entry.Index} of group {group}; write it in parts");
        }
    }

    /// <summary>One record of the frame, to be applied when it is durable.</summary>
    private readonly record struct Step(ulong Group, bool IsBirth, int Operation, int FirstPlace, int PlaceCount);
}
