using Kv.Base;
using Kv.Engine.Log;

namespace Kv.Engine.Tests.Log;

/// <summary>What a log must hold, kept in the simplest way; and a source of batches that raft could ask for.</summary>
internal sealed class LogModel
{
    private readonly SortedDictionary<ulong, ModelGroup> _groups = [];

    public LogModel Copy()
    {
        LogModel copy = new();
        foreach ((ulong id, ModelGroup group) in _groups)
        {
            copy._groups.Add(id, group.Copy());
        }

        return copy;
    }

    public void ReplaceWith(LogModel other)
    {
        _groups.Clear();
        foreach ((ulong id, ModelGroup group) in other._groups)
        {
            _groups.Add(id, group.Copy());
        }
    }

    public IEnumerable<ulong> GroupIds => _groups.Keys;

    /// <summary>In the words of <see cref="LogTools.Describe(ISharedLog)"/>.</summary>
    public string Describe(Func<ulong, bool>? only = null)
    {
        List<string> lines = [];
        foreach ((ulong id, ModelGroup group) in _groups)
        {
            if (only is null || only(id))
            {
                lines.Add(group.ToState(id).ToString());
                lines.AddRange(group.Entries.Select(LogTools.Describe));
            }
        }

        return string.Join('\n', lines);
    }

    public void Apply(LogBatch batch)
    {
        foreach (LogOperation operation in batch.Operations)
        {
            if (operation.Kind == LogOperationKind.Destroy)
            {
                _groups.Remove(operation.Group);
                continue;
            }

            if (!_groups.TryGetValue(operation.Group, out ModelGroup? group))
            {
                group = new ModelGroup();
                _groups.Add(operation.Group, group);
            }

            group.Apply(operation);
        }
    }

    public LogBatch RandomBatch(DeterministicRandom random, int groupCount, int payloadMax)
    {
        LogBatch batch = new();
        LogModel after = Copy();
        for (int left = random.Next(1, 6); left > 0; left--)
        {
            ulong id = (ulong)random.Next(1, groupCount + 1);
            LogBatch one = new();
            after.Fill(one, id, random, payloadMax);
            after.Apply(one);
            foreach (LogOperation operation in one.Operations)
            {
                Repeat(batch, operation);
            }
        }

        return batch;
    }

    private static void Repeat(LogBatch batch, in LogOperation operation)
    {
        switch (operation.Kind)
        {
            case LogOperationKind.HardState:
                batch.SetHardState(operation.Group, operation.HardState);
                break;
            case LogOperationKind.Append:
                batch.Append(operation.Group, operation.Entries!);
                break;
            case LogOperationKind.CutPrefix:
                batch.CutPrefix(operation.Group, operation.Index, operation.Term);
                break;
            case LogOperationKind.Reset:
                batch.Reset(operation.Group, operation.Index, operation.Term);
                break;
            case LogOperationKind.Destroy:
                batch.Destroy(operation.Group);
                break;
            default:
                throw Invariant.Unreachable(operation.Kind);
        }
    }

    private void Fill(LogBatch batch, ulong id, DeterministicRandom random, int payloadMax)
    {
        ModelGroup group = _groups.TryGetValue(id, out ModelGroup? found) ? found : new ModelGroup();
        int choice = random.Next(100);
        if (choice < 20)
        {
            bool newTerm = random.Chance(0.5);
            ulong term = group.HardState.Term + (newTerm ? 1UL : 0);
            ulong vote = newTerm || group.HardState.Vote == 0 ? (ulong)random.Next(4) : group.HardState.Vote;
            batch.SetHardState(id, new LogHardState(term, vote, (ulong)random.Next(1000)));
        }
        else if (choice < 75)
        {
            ulong first = group.Last + 1;
            ulong term = group.TermAt(group.Last) + (random.Chance(0.2) ? 1UL : 0);
            if (group.Entries.Count > 0 && random.Chance(0.2))
            {
                first = group.Truncated + 1 + (ulong)random.Next(group.Entries.Count);
                term = group.TermAt(group.Last) + 1;
            }

            List<LogEntry> entries = [];
            for (int left = random.Next(1, 5); left > 0; left--)
            {
                byte[] data = new byte[random.Next(payloadMax)];
                random.Fill(data);
                entries.Add(LogTools.Entry(first++, term, data, (byte)random.Next(3)));
            }

            batch.Append(id, entries);
        }
        else if (choice < 92)
        {
            if (group.Entries.Count > 0)
            {
                ulong index = group.Truncated + 1 + (ulong)random.Next(group.Entries.Count);
                batch.CutPrefix(id, index, group.TermAt(index));
            }
        }
        else if (choice < 96)
        {
            batch.Reset(id, group.Last + (ulong)random.Next(50), group.TermAt(group.Last) + (ulong)random.Next(3));
        }
        else
        {
            batch.Destroy(id);
        }
    }

    private sealed class ModelGroup
    {
        public LogHardState HardState { get; private set; }

        public ulong Truncated { get; private set; }

        public ulong TruncatedTerm { get; private set; }

        public List<LogEntry> Entries { get; private init; } = [];

        public ulong Last => Truncated + (ulong)Entries.Count;

        public ulong TermAt(ulong index) =>
            index == Truncated ? TruncatedTerm : Entries[(int)(index - Truncated - 1)].Term;

        public ModelGroup Copy() => new()
        {
            HardState = HardState,
            Truncated = Truncated,
            TruncatedTerm = TruncatedTerm,
            Entries = [.. Entries],
        };

        public LogGroupState ToState(ulong id) =>
            new(id, HardState, Truncated, TruncatedTerm, Last, TermAt(Last), PayloadBytes);

        private long PayloadBytes => Entries.Sum(entry => (long)entry.Data.Length);

        public void Apply(in LogOperation operation)
        {
            switch (operation.Kind)
            {
                case LogOperationKind.HardState:
                    HardState = operation.HardState;
                    break;
                case LogOperationKind.Append:
                    int keep = (int)(operation.Entries![0].Index - Truncated - 1);
                    Entries.RemoveRange(keep, Entries.Count - keep);
                    Entries.AddRange(operation.Entries);
                    break;
                case LogOperationKind.CutPrefix:
                    Entries.RemoveRange(0, (int)(operation.Index - Truncated));
                    (Truncated, TruncatedTerm) = (operation.Index, operation.Term);
                    break;
                case LogOperationKind.Reset:
                    Entries.Clear();
                    (Truncated, TruncatedTerm) = (operation.Index, operation.Term);
                    break;
                default:
                    throw Invariant.Unreachable(operation.Kind);
            }
        }
    }
}
