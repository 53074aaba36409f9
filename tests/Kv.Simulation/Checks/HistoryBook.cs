// Owns what clients asked and were told, and where in the log each write was decided. It checks at once what can be
// seen at once: a write acknowledged or shown before it is durable on a quorum, an effect that came twice, an effect of
// what was called failed.
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Simulation.Workload;
using Kv.Store;
using Kv.Testing.History;

namespace Kv.Simulation.Checks;

public sealed class HistoryBook(RaftChecker raft, SimClock clock, Action<string> problem)
{
    private readonly List<SimOperation> _operations = [];
    private readonly Dictionary<(SessionId, ulong), List<(int Place, SimPart Part)>> _parts = [];
    private readonly Dictionary<string, SimPart> _writers = new(StringComparer.Ordinal);
    private readonly Dictionary<(RegionId, SessionId, ulong), LogIndex> _decided = [];
    private ulong _position;

    public IReadOnlyList<SimOperation> Operations => _operations;

    /// <summary>Different writes, by session and sequence, that were decided in some region.</summary>
    public int TookEffect => _decided.Count;

    public SimOperation Begin(int client, string name, bool isWrite, Instant now)
    {
        var operation = new SimOperation
        {
            Id = _operations.Count + 1,
            Client = client,
            Name = name,
            IsWrite = isWrite,
            CalledAt = now,
        };
        _operations.Add(operation);
        return operation;
    }

    /// <summary>Values are unique: a value names its write.</summary>
    public void NoteValue(string value, SimPart part) => _writers.Add(value, part);

    /// <summary>A part is sent under a sequence, at a place among its write's mutations.</summary>
    public void NoteSequence(SessionId session, ulong sequence, int place, SimPart part)
    {
        if (!_parts.TryGetValue((session, sequence), out List<(int Place, SimPart Part)>? parts))
        {
            parts = [];
            _parts.Add((session, sequence), parts);
        }

        if (!parts.Contains((place, part)))
        {
            parts.Add((place, part));
        }
    }

    /// <summary>A write is decided on a store. At one index at most, the same on every store (invariant 13).</summary>
    public void OnApplied(SimStore store, AppliedCommand command)
    {
        if (command.Region == RegionId.System)
        {
            return;
        }

        CommandIdentity identity = command.Identity;
        (RegionId, SessionId, ulong) key = (command.Region, identity.Session, identity.Sequence);
        if (!_decided.TryAdd(key, command.Index))
        {
            if (_decided[key] != command.Index)
            {
                problem(
                    $"region {command.Region}, store {store.Id}: sequence {identity.Sequence} took effect at "
                    + $"{_decided[key]} and at {command.Index} (invariant 13)");
            }

            return;
        }

        foreach ((int place, SimPart part) in _parts.GetValueOrDefault((identity.Session, identity.Sequence)) ?? [])
        {
            // Parts of one write may lie in several regions under one sequence; only one region holds a part's key.
            if (!part.Effect.IsDecided)
            {
                part.Effect = EffectOf(command, place, part);
            }
        }
    }

    /// <summary>A store answers: what it tells must be durable on a quorum already (invariants 8 and 15).</summary>
    public void OnAnswer(SimStore store, SessionId session, Request request, Response response)
    {
        switch (response.ResultCase)
        {
            case Response.ResultOneofCase.Write:
                RequireDurable(store, session, request.Write.Identity.Sequence, request.RegionId);
                foreach (MutationResult result in response.Write.Results)
                {
                    RequireDurable(store, result.Found && !result.ValueDropped, result.Value.ToStringUtf8());
                }

                break;
            case Response.ResultOneofCase.Get:
                RequireDurable(store, response.Get.Found && !request.Get.ExistsOnly, response.Get.Value.ToStringUtf8());
                break;
            case Response.ResultOneofCase.MultiGet:
                foreach (GetResult result in response.MultiGet.Results)
                {
                    RequireDurable(store, result.Found, result.Value.ToStringUtf8());
                }

                break;
            case Response.ResultOneofCase.Scan:
                foreach (KeyValue row in response.Scan.Rows)
                {
                    RequireDurable(store, shown: true, row.Value.ToStringUtf8());
                }

                break;
            default:
                break;
        }
    }

    public void EndWrite(SimOperation operation)
    {
        foreach (SimPart part in operation.Parts)
        {
            bool told = !part.IsLeftOut && part.Outcome is SimOutcome.Ok or SimOutcome.Refused;
            if (told && !part.IsLeftOut && !part.Effect.IsDecided)
            {
                problem($"operation {operation.Id} ({operation.Name}): answered for key {part.Key} and never decided");
            }

            if (told && !part.IsLeftOut && part.Effect.Applied != (part.Outcome == SimOutcome.Ok))
            {
                problem($"operation {operation.Id} ({operation.Name}): told {part.Outcome}, decided otherwise");
            }
        }
    }

    public void EndRead(SimOperation operation, SimPart part)
    {
        if (part.Seen is { Value: { } seen } && !_writers.ContainsKey(seen))
        {
            problem($"operation {operation.Id}: read \"{seen}\" of key {part.Key}, which nobody wrote");
        }
    }

    /// <summary>At the end of a run: what was called failed has never taken effect.</summary>
    public void CheckFailed()
    {
        foreach (SimOperation operation in _operations)
        {
            foreach (SimPart part in operation.Parts)
            {
                if (operation.IsWrite && !part.IsLeftOut && part.Outcome == SimOutcome.Failed && part.Effect.Applied)
                {
                    problem(
                        $"operation {operation.Id} ({operation.Name}) was called failed ({operation.Error}) and took "
                        + $"effect at {part.Effect.Index} of region {part.Effect.Region}");
                }
            }
        }
    }

    private SimEffect EffectOf(AppliedCommand command, int place, SimPart part)
    {
        bool applied = command.Told is not { } told || told.Outcome == WriteOutcome.Applied;
        MutationResult? own = command.Told?.Results.FirstOrDefault(result => result.Index == place);
        OperationResult? result = applied || own is { Failed: true } ? ResultOf(command, applied, own, part) : null;
        return new SimEffect(command.Region, command.Index.Value, clock.Now, ++_position, result, applied);
    }

    private static OperationResult ResultOf(AppliedCommand command, bool applied, MutationResult? own, SimPart part)
    {
        bool isSequence = part.Kind is OperationKind.Sequence or OperationKind.SequenceReset;
        return new OperationResult
        {
            Succeeded = applied,
            Revision = applied && !isSequence ? (long)command.Revision : 0,
            Start = isSequence ? own?.Start : null,
            Seen = isSequence || own is null ? null : own.Found
                ? new Observation(true, own.ValueDropped ? null : own.Value.ToStringUtf8(), (long)own.Revision)
                : new Observation(false),
        };
    }

    private void RequireDurable(SimStore store, SessionId session, ulong sequence, ulong region)
    {
        var id = new RegionId(region);
        if (!_decided.TryGetValue((id, session, sequence), out LogIndex index))
        {
            problem($"store {store.Id} acknowledges sequence {sequence} in region {id}, where it took no effect");
        }
        else if (!raft.IsDurable(id, index.Value))
        {
            problem(
                $"store {store.Id} acknowledges sequence {sequence}, entry {index} of region {id}, which is not "
                + "durable on a quorum (invariant 8)");
        }
    }

    private void RequireDurable(SimStore store, bool shown, string value)
    {
        if (shown && _writers.TryGetValue(value, out SimPart? part)
            && !(part.Effect.IsDecided && raft.IsDurable(part.Effect.Region, part.Effect.Index)))
        {
            problem(
                $"store {store.Id} shows \"{value}\" of entry {part.Effect.Index} of region {part.Effect.Region}, "
                + "which is not durable on a quorum (invariant 15)");
        }
    }
}
