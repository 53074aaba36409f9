using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Oracles;

/// <summary>
/// Every sequence of seven operations on a log (appends, truncations, writes handed out and completed, commits,
/// applies, snapshots) against a plain list. Row B8 is about being off by one, so no case is left to chance.
/// </summary>
public sealed class LogOracleTests
{
    private const int StepCount = 7;
    private const int OperationCount = 9;

    [Fact]
    public void B8_EverySequenceOfSevenOperations_EqualsAList()
    {
        int[] steps = new int[StepCount];
        int checkedCount = 0;
        Explore(steps, 0, ref checkedCount);
        Assert.True(checkedCount > 100_000, $"{checkedCount} sequences");
    }

    private static void Explore(int[] steps, int length, ref int checkedCount)
    {
        for (int operation = 0; length < StepCount && operation < OperationCount; operation++)
        {
            steps[length] = operation;
            var model = new Model();
            bool possible = true;
            for (int i = 0; i <= length && possible; i++)
            {
                possible = model.Do(steps[i]);
            }

            // What is not possible here changes nothing, and is not gone on from.
            if (possible)
            {
                checkedCount++;
                model.Check(string.Join(" ", steps.Take(length + 1)));
                Explore(steps, length + 1, ref checkedCount);
            }
        }
    }

    private sealed class Model
    {
        private readonly MemoryLog _storage = new();
        private readonly RaftLog _log;
        private readonly List<Entry> _entries = [];
        private readonly Queue<(ulong Number, IReadOnlyList<Entry> Entries, SnapshotMeta? Snapshot)> _writes = new();
        private readonly List<Entry> _applied = [];
        private ulong _cut;
        private ulong _cutTerm;
        private ulong _committed;
        private ulong _term = 1;
        private ulong _number;
        private bool _installing;

        public Model() => _log = new RaftLog(_storage, LogIndex.Zero, LogIndex.Zero);

        private ulong Last => _cut + (ulong)_entries.Count;

        public bool Do(int operation)
        {
            switch (operation)
            {
                case 0:
                    Entry own = E(Last + 1);
                    _entries.Add(own);
                    _log.Append(own);
                    return true;
                case 1:
                    return ReplaceFrom(Last + 1, count: 2);
                case 2:
                    return ReplaceFrom(Last, count: 1);
                case 3:
                    return Last > _committed + 1 && ReplaceFrom(_committed + 1, count: 2);
                case 4:
                    return HandOut();
                case 5:
                    return Complete();
                case 6 when _committed < Last:
                    _committed++;
                    return _log.CommitTo(new LogIndex(_committed));
                case 7 when _log.Applicable > _log.HandedToApply:
                    _applied.AddRange(_log.TakeCommitted(bytesMax: 1));
                    _log.OnApplied(_applied[^1].Index);
                    return true;
                case 8:
                    return Restore();
                default:
                    return false;
            }
        }

        public void Check(string label)
        {
            Assert.True(_log.LastIndex.Value == Last && _log.FirstIndex.Value == _cut + 1, label);
            Assert.True(_log.Committed.Value == _committed, label);
            Assert.False(_log.TryTermAt(new LogIndex(Last + 1), out _), label);
            Assert.True(_log.TryTermAt(new LogIndex(_cut), out Term term) && term.Value == _cutTerm, label);
            Assert.False(_cut > 0 && _log.TryTermAt(new LogIndex(_cut - 1), out _), label);
            foreach (Entry entry in _entries)
            {
                Assert.True(_log.Matches(entry.Index, entry.Term), label);
            }

            CheckSlices(label);
            CheckPersisted(label);
            for (int i = 0; i < _applied.Count; i++)
            {
                ulong index = _applied[i].Index.Value;
                Assert.True(index <= _committed && (i == 0 || index > _applied[i - 1].Index.Value), label);
                Assert.True(index <= _cut || _applied[i] == _entries[(int)(index - _cut) - 1], label);
            }
        }

        private void CheckSlices(string label)
        {
            for (int from = 0; from < _entries.Count; from++)
            {
                for (int to = from + 1; to <= _entries.Count; to++)
                {
                    var slice = new List<Entry>();
                    LogIndex first = new(_cut + (ulong)from + 1);
                    Assert.True(_log.Slice(first, new LogIndex(_cut + (ulong)to + 1), long.MaxValue, slice), label);
                    Assert.True(slice.SequenceEqual(_entries[from..to]), label);
                }
            }
        }

        private void CheckPersisted(string label)
        {
            Assert.True(!_installing || _log.Persisted == LogIndex.Zero, label);
            for (ulong i = _cut + 1; i <= _log.Persisted.Value; i++)
            {
                Assert.True(
                    _storage.TryGetTerm(new LogIndex(i), out Term term) && term == _entries[(int)(i - _cut) - 1].Term,
                    $"{label}: {i} counts as persisted and storage holds another");
            }

            if (_writes.Count == 0 && !_log.Unstable.HasUnhanded)
            {
                Assert.True(_log.Persisted == _log.LastIndex, $"{label}: all is written, {_log.Persisted} counts");
            }
        }

        private bool ReplaceFrom(ulong first, int count)
        {
            if (first <= _committed || first == 0)
            {
                return false;
            }

            _term++;
            Entry[] added = [.. Enumerable.Range(0, count).Select(i => E(first + (ulong)i))];
            _entries.RemoveRange((int)(first - _cut) - 1, (int)(Last + 1 - first));
            _entries.AddRange(added);

            // One entry too many in front, to be skipped.
            _log.Append([E(first - 1), .. added], skip: 1);
            return true;
        }

        private bool HandOut()
        {
            if (!_log.Unstable.HasUnhanded)
            {
                return false;
            }

            (IReadOnlyList<Entry> entries, SnapshotMeta? snapshot) = _log.Unstable.HandOut(++_number, default);
            _writes.Enqueue((_number, [.. entries], snapshot));
            return true;
        }

        private bool Complete()
        {
            if (!_writes.TryDequeue(out var write))
            {
                return false;
            }

            _storage.Write(null, write.Entries, write.Snapshot);
            _log.OnPersisted(write.Number, out SnapshotMeta? installed);
            _installing &= installed is null;
            return true;
        }

        private bool Restore()
        {
            _term++;
            var snapshot = new SnapshotMeta(new LogIndex(Last + 2), new Term(_term), ConfState.OfVoters(new PeerId(1)));
            _entries.Clear();
            (_cut, _cutTerm) = (snapshot.Index.Value, _term);
            _committed = _cut;
            _installing = true;
            _log.Restore(snapshot);
            return true;
        }

        private Entry E(ulong index) => new(new LogIndex(index), new Term(_term), EntryKind.Normal, new byte[8], 0);
    }
}
