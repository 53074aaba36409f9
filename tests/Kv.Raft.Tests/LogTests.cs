using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>The log's two halves against a plain list, and the window against a plain queue.</summary>
public sealed class LogTests
{
    /// <summary>Row B8: cuts at either end are off by nothing, whatever is persisted, handed out or
    /// overwritten.</summary>
    [Fact]
    public void B8_RandomAppendsTruncationsAndWrites_EqualAList()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            RunModel(new DeterministicRandom(seed), $"seed {seed}");
        }
    }

    /// <summary>Row B6: a write that was under way when its entries were replaced makes none of the new ones
    /// stable.</summary>
    [Fact]
    public void B6_EntriesOverwrittenTwiceSinceHandOut_CompletionStabilisesNothing()
    {
        var log = new RaftLog(new MemoryLog(), LogIndex.Zero, LogIndex.Zero);
        log.Append([E(1, 1), E(2, 1)], 0);
        log.Unstable.HandOut(1, default);
        log.Append([E(2, 2)], 0);
        log.Unstable.HandOut(2, default);

        // The same (index, term) as write 1 carried: to look at it alone would take write 1's completion for this
        // one's.
        log.Append([E(2, 1)], 0);
        log.Unstable.HandOut(3, default);
        log.OnPersisted(1, out _);
        Assert.Equal(new LogIndex(1), log.Persisted);
        log.OnPersisted(2, out _);
        Assert.Equal(new LogIndex(1), log.Persisted);
        log.OnPersisted(3, out _);
        Assert.Equal(new LogIndex(2), log.Persisted);
    }

    [Fact]
    public void FindConflictByTerm_LongDivergentTail_SkipsItInOneStep()
    {
        Entry[] entries = [.. Enumerable.Range(1, 50).Select(i => E((ulong)i, i <= 10 ? 1UL : 4UL))];
        var log = new RaftLog(MemoryLog.Of(new HardState(new Term(4), default, default), entries), default, default);
        Assert.Equal((new LogIndex(10), new Term(1)), log.FindConflictByTerm(new LogIndex(50), new Term(3)));
        Assert.Equal((new LogIndex(50), new Term(4)), log.FindConflictByTerm(new LogIndex(50), new Term(9)));
        Assert.Equal((LogIndex.Zero, Term.Zero), log.FindConflictByTerm(new LogIndex(10), Term.Zero));
    }

    [Fact]
    public void TakeCommitted_NotYetPersisted_IsNotHandedOut()
    {
        var log = new RaftLog(new MemoryLog(), LogIndex.Zero, LogIndex.Zero);
        log.Append(E(1, 1));
        log.CommitTo(new LogIndex(1));
        Assert.Equal(LogIndex.Zero, log.Applicable);
        log.Unstable.HandOut(1, default);
        log.OnPersisted(1, out _);
        Assert.Equal(new LogIndex(1), log.Applicable);
    }

    [Fact]
    public void Inflights_RandomUse_EqualsAQueue()
    {
        var random = new DeterministicRandom(3);
        for (int run = 0; run < 100; run++)
        {
            int countMax = random.Next(1, 20);
            var window = new Inflights(countMax, bytesMax: 100);
            var model = new Queue<(ulong Last, long Bytes)>();
            ulong last = 0;
            for (int i = 0; i < 200; i++)
            {
                bool full = model.Count >= countMax || (model.Count > 0 && model.Sum(m => m.Bytes) >= 100);
                Assert.Equal(full, window.IsFull);
                if (!full && random.Chance(0.7))
                {
                    long bytes = random.Next(30);
                    window.Add(new LogIndex(++last), bytes);
                    model.Enqueue((last, bytes));
                }
                else
                {
                    ulong to = last - (ulong)random.Next(Math.Min(5, (int)last + 1));
                    window.FreeTo(new LogIndex(to));
                    while (model.Count > 0 && model.Peek().Last <= to)
                    {
                        model.Dequeue();
                    }
                }

                Assert.Equal((model.Count, model.Sum(m => m.Bytes)), (window.Count, window.Bytes));
            }
        }
    }

    private static void RunModel(DeterministicRandom random, string label)
    {
        var storage = new MemoryLog();
        var log = new RaftLog(storage, LogIndex.Zero, LogIndex.Zero);
        var model = new List<Entry>();
        var writes = new Queue<(ulong Number, IReadOnlyList<Entry> Entries)>();
        ulong number = 0;
        ulong term = 1;
        for (int step = 0; step < 200; step++)
        {
            switch (random.Next(5))
            {
                case 0:
                    term += (ulong)random.Next(3);
                    int from = (int)log.Committed.Value + random.Next(model.Count - (int)log.Committed.Value + 1);
                    Entry[] added = [.. Enumerable.Range(from + 1, random.Next(1, 4)).Select(i => E((ulong)i, term))];
                    model.RemoveRange(from, model.Count - from);
                    model.AddRange(added);
                    log.Append(added, 0);
                    break;
                case 1 when log.Unstable.HasUnhanded:
                    writes.Enqueue((++number, log.Unstable.HandOut(number, default).Entries));
                    break;
                case 2 when writes.Count > 0:
                    (ulong done, IReadOnlyList<Entry> entries) = writes.Dequeue();
                    storage.Write(null, entries, null);
                    log.OnPersisted(done, out _);
                    break;
                case 3 when log.Persisted > log.Committed:
                    log.CommitTo(log.Committed.Next());
                    break;
                case 4 when log.Applicable > log.HandedToApply:
                    List<Entry> page = log.TakeCommitted(random.Next(20));
                    log.OnApplied(page[^1].Index);
                    if (random.Chance(0.3) && storage.FirstIndex <= log.Applied)
                    {
                        storage.CutTo(log.Applied);
                    }

                    break;
                default:
                    break;
            }

            Compare(log, storage, model, label);
        }
    }

    private static void Compare(RaftLog log, MemoryLog storage, List<Entry> model, string label)
    {
        Assert.True(log.LastIndex.Value == (ulong)model.Count, label);
        for (ulong i = log.FirstIndex.Value; i <= (ulong)model.Count; i++)
        {
            Assert.True(
                log.TryTermAt(new LogIndex(i), out Term term) && term == model[(int)i - 1].Term, $"{label} at {i}");
        }

        Assert.False(log.TryTermAt(log.LastIndex.Next(), out _));
        for (ulong i = log.FirstIndex.Value; i <= log.Persisted.Value; i++)
        {
            // What counts as persisted is what storage holds now.
            Assert.True(storage.TryGetTerm(new LogIndex(i), out Term term) && term == model[(int)i - 1].Term, label);
        }

        if (model.Count > 0 && log.FirstIndex <= log.LastIndex)
        {
            var all = new List<Entry>();
            Assert.True(log.Slice(log.FirstIndex, log.LastIndex.Next(), long.MaxValue, all), label);
            Assert.Equal(model.Skip((int)log.FirstIndex.Value - 1).Select(e => e.Term), all.Select(e => e.Term));
        }
    }

    private static Entry E(ulong index, ulong term) =>
        new(new LogIndex(index), new Term(term), EntryKind.Normal, new byte[8], 0);
}
