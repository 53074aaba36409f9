// Owns what clients asked and were told, and where in the log each write took effect. It checks at once what can be
// seen at once: a write acknowledged or shown before it is durable on a quorum, an effect that came twice, an effect of
// what was called failed.
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Simulation.Workload;

namespace Kv.Simulation.Checks;

public sealed class HistoryBook(RaftChecker raft, SimClock clock, Action<string> problem)
{
    private readonly List<SimOperation> _operations = [];
    private readonly Dictionary<(SessionId, ulong), List<SimPart>> _parts = [];
    private readonly Dictionary<string, SimPart> _writers = new(StringComparer.Ordinal);
    private readonly Dictionary<(RegionId, SessionId, ulong), LogIndex> _applied = [];

    private ulong _position;

    public IReadOnlyList<SimOperation> Operations => _operations;

    /// <summary>Different writes, by session and sequence, that took effect in some region.</summary>
    public int TookEffect => _applied.Count;

    public SimOperation Begin(int client, SimKind kind, Instant now)
    {
        var operation = new SimOperation { Id = _operations.Count + 1, Client = client, Kind = kind, CalledAt = now };
        _operations.Add(operation);
        return operation;
    }

    /// <summary>Values are unique: a value names its write.</summary>
    public void NoteValue(string value, SimPart part) => _writers.Add(value, part);

    public void NoteSequence(SessionId session, ulong sequence, SimPart part)
    {
        if (!_parts.TryGetValue((session, sequence), out List<SimPart>? parts))
        {
            parts = [];
            _parts.Add((session, sequence), parts);
        }

        if (!parts.Contains(part))
        {
            parts.Add(part);
        }
    }

    /// <summary>A write took effect on a store. At one index at most, the same on every store (invariant 13).</summary>
    public void OnApplied(SimStore store, RegionId region, LogIndex index, CommandIdentity identity)
    {
        if (region == RegionId.System)
        {
            return;
        }

        (RegionId, SessionId, ulong) key = (region, identity.Session, identity.Sequence);
        if (!_applied.TryAdd(key, index))
        {
            if (_applied[key] != index)
            {
                problem(
                    $"region {region}, store {store.Id}: sequence {identity.Sequence} took effect at {_applied[key]} "
                    + $"and at {index} (invariant 13)");
            }

            return;
        }

        foreach (SimPart part in _parts.GetValueOrDefault((identity.Session, identity.Sequence)) ?? [])
        {
            // Parts of one batch may lie in several regions under one sequence; a part's region is the one that holds
            // its key, and only one region does.
            if (part.EffectIndex == 0)
            {
                part.EffectRegion = region;
                part.EffectIndex = index.Value;
                part.EffectAt = clock.Now;
                part.EffectPosition = ++_position;
            }
        }
    }

    /// <summary>A store answers: what it tells must be durable on a quorum already (invariants 8 and 15).</summary>
    public void OnAnswer(SimStore store, SessionId session, Request request, Response response)
    {
        switch (response.ResultCase)
        {
            case Response.ResultOneofCase.Write:
                ulong sequence = request.Write.Identity.Sequence;
                RequireDurable(store, session, sequence, request.RegionId);
                break;
            case Response.ResultOneofCase.Get when response.Get.Found:
                RequireDurable(store, response.Get.Value.ToStringUtf8());
                break;
            case Response.ResultOneofCase.Scan:
                foreach (KeyValue row in response.Scan.Rows)
                {
                    RequireDurable(store, row.Value.ToStringUtf8());
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
            if (part.Outcome == SimOutcome.Open)
            {
                part.Outcome = operation.Outcome;
            }

            if (part.Outcome == SimOutcome.Ok && part.EffectIndex == 0)
            {
                problem($"operation {operation.Id}: acknowledged for key {part.Key} and never took effect");
            }
        }
    }

    public void EndRead(SimOperation operation)
    {
        foreach (SimPart part in operation.Parts)
        {
            part.Outcome = operation.Outcome;
            if (part.Seen is { } seen && !_writers.ContainsKey(seen))
            {
                problem($"operation {operation.Id}: read \"{seen}\" of key {part.Key}, which nobody wrote");
            }
        }
    }

    /// <summary>At the end of a run: what was called failed has never taken effect.</summary>
    public void CheckFailed()
    {
        foreach (SimOperation operation in _operations)
        {
            foreach (SimPart part in operation.Parts)
            {
                if (operation.IsWrite && part.Outcome == SimOutcome.Failed && part.EffectIndex != 0)
                {
                    problem(
                        $"operation {operation.Id} was called failed ({operation.Error}) and took effect at "
                        + $"{part.EffectIndex} of region {part.EffectRegion}");
                }
            }
        }
    }

    private void RequireDurable(SimStore store, SessionId session, ulong sequence, ulong region)
    {
        var id = new RegionId(region);
        if (!_applied.TryGetValue((id, session, sequence), out LogIndex index))
        {
            problem($"store {store.Id} acknowledges sequence {sequence} in region {id}, where it took no effect");
        }
        else if (!raft.IsDurable(id, index.Value))
        {
            problem(
                $"store {store.Id} acknowledges sequence {sequence}, entry {index} of region {id}, which is not durable "
                + "on a quorum (invariant 8)");
        }
    }

    private void RequireDurable(SimStore store, string value)
    {
        if (_writers.TryGetValue(value, out SimPart? part)
            && (part.EffectIndex == 0 || !raft.IsDurable(part.EffectRegion, part.EffectIndex)))
        {
            problem(
                $"store {store.Id} shows \"{value}\" of entry {part.EffectIndex} of region {part.EffectRegion}, which is "
                + "not durable on a quorum (invariant 15)");
        }
    }
}
