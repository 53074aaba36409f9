using System.Text;
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Memory;
using Kv.Protocol.Commands;
using Kv.Store.Apply;
using Kv.Testing.Files;

namespace Kv.Store.Tests.Apply;

public sealed class OnceTableTests
{
    private static readonly RegionId Region = new(7);
    private static readonly SessionId Session = new(1, 2);

    private readonly MemoryEngine _engine = MemoryEngine.Open(new MemoryEngineDisk(new MemoryFileSystem()));

    [Fact]
    public void Check_SecondTime_IsDuplicateWithFirstRevision()
    {
        OnceTable table = NewTable();
        Record(table, index: 5, sequence: 1, stamp: 100, key: "a", revision: 42);

        OnceVerdict verdict = table.Check(Identity(1, 100), Bytes("a"), floor: 0, out ulong revision, out _);

        Assert.Equal(OnceVerdict.Duplicate, verdict);
        Assert.Equal(42UL, revision);
    }

    [Fact]
    public void Check_StampBelowFloor_IsRefusedEvenWhenNeverSeen()
    {
        OnceTable table = NewTable();

        Assert.Equal(OnceVerdict.BelowFloor, table.Check(Identity(1, 99), Bytes("a"), floor: 100, out _, out _));
        Assert.Equal(OnceVerdict.New, table.Check(Identity(1, 100), Bytes("a"), floor: 100, out _, out _));
    }

    [Fact]
    public void Check_BelowAcknowledgedMark_IsRefused()
    {
        OnceTable table = NewTable();
        Record(table, index: 5, sequence: 1, stamp: 100, key: "a", revision: 1);
        Record(table, index: 6, sequence: 2, stamp: 100, key: "a", revision: 2, lowest: 2);

        Assert.Equal(OnceVerdict.BelowMark, table.Check(Identity(1, 100), Bytes("a"), floor: 0, out _, out _));
        Assert.Equal(OnceVerdict.Duplicate, table.Check(Identity(2, 100), Bytes("a"), floor: 0, out _, out _));
    }

    [Fact]
    public void Check_PartOfABatchCutByASplit_IsDuplicateOnlyInsideTheSpan()
    {
        OnceTable table = NewTable();
        using IEngineBatch batch = _engine.NewBatch();
        table.Record(Identity(1, 100), new LogIndex(5), Bytes("c"), Bytes("m"), revision: 9);
        table.EndEntry(batch, 0, 0);

        Assert.Equal(OnceVerdict.Duplicate, table.Check(Identity(1, 100), Bytes("c"), 0, out _, out _));
        Assert.Equal(OnceVerdict.Duplicate, table.Check(Identity(1, 100), Bytes("h"), 0, out _, out _));
        Assert.Equal(OnceVerdict.Duplicate, table.Check(Identity(1, 100), Bytes("m"), 0, out _, out _));
        Assert.Equal(OnceVerdict.New, table.Check(Identity(1, 100), Bytes("n"), 0, out _, out _));
        Assert.Equal(OnceVerdict.New, table.Check(Identity(1, 100), Bytes("b"), 0, out _, out _));
    }

    [Fact]
    public void Check_PartBehindADeletedRange_IsNotCoveredByTheRangesEnd()
    {
        OnceTable table = NewTable();
        using IEngineBatch batch = _engine.NewBatch();
        table.Record(Identity(1, 100), new LogIndex(5), Bytes("c"), Bytes("m"), revision: 9, endsBeforeLast: true);
        table.EndEntry(batch, 0, 0);
        _engine.Write(batch, sync: false);

        foreach (OnceTable one in (OnceTable[])[table, OnceTable.Load(_engine, Region, 1_000_000, floor: 0)])
        {
            Assert.Equal(OnceVerdict.Duplicate, one.Check(Identity(1, 100), Bytes("c"), 0, out _, out _));
            Assert.Equal(OnceVerdict.Duplicate, one.Check(Identity(1, 100), Bytes("lz"), 0, out _, out _));
            Assert.Equal(OnceVerdict.New, one.Check(Identity(1, 100), Bytes("m"), 0, out _, out _));
        }
    }

    [Fact]
    public void Check_OutcomeWithAResult_TellsItAlsoWhenLoadedAgain()
    {
        OnceTable table = NewTable();
        using IEngineBatch batch = _engine.NewBatch();
        table.Record(Identity(1, 100), new LogIndex(5), Bytes("c"), Bytes("c"), revision: 9, result: [1, 2, 3]);
        table.Record(Identity(2, 100), new LogIndex(5), Bytes("c"), Bytes("d"), revision: 10);
        table.EndEntry(batch, 0, 0);
        _engine.Write(batch, sync: false);

        foreach (OnceTable one in (OnceTable[])[table, OnceTable.Load(_engine, Region, 1_000_000, floor: 0)])
        {
            one.Check(Identity(1, 100), Bytes("c"), 0, out ulong revision, out byte[]? result);
            Assert.Equal(9UL, revision);
            Assert.Equal([1, 2, 3], result);
            one.Check(Identity(2, 100), Bytes("c"), 0, out revision, out result);
            Assert.Equal(10UL, revision);
            Assert.Null(result);
            Assert.Equal(table.Bytes, one.Bytes);
        }
    }

    [Fact]
    public void EndEntry_AgeFloor_ForgetsOlderStampsAndTheirRows()
    {
        OnceTable table = NewTable();
        Record(table, index: 5, sequence: 1, stamp: 100, key: "a", revision: 1);
        Record(table, index: 6, sequence: 2, stamp: 200, key: "b", revision: 2);
        using IEngineBatch batch = _engine.NewBatch();

        ulong floor = table.EndEntry(batch, floor: 0, ageFloor: 150);
        _engine.Write(batch, sync: false);

        Assert.Equal(150UL, floor);
        Assert.Equal(1, table.OutcomeCount);
        Assert.Equal(OnceVerdict.BelowFloor, table.Check(Identity(1, 100), Bytes("a"), floor, out _, out _));
        Assert.Equal(OnceVerdict.Duplicate, table.Check(Identity(2, 200), Bytes("b"), floor, out _, out _));
        Assert.Equal([6UL], RowsOnDisk());
    }

    [Fact]
    public void EndEntry_OverByteBound_RaisesFloorUntilItFits()
    {
        OnceTable table = NewTable(bytesMax: 2_000);
        ulong floor = 0;
        for (ulong i = 1; i <= 100; i++)
        {
            using IEngineBatch batch = _engine.NewBatch();
            table.Record(Identity(i, 1_000 + i), new LogIndex(i), Bytes($"k{i}"), Bytes($"k{i}"), i);
            floor = table.EndEntry(batch, floor, 0);
            _engine.Write(batch, sync: false);
            Assert.True(table.Bytes <= 2_000, $"{table.Bytes} bytes at {i}");
        }

        Assert.True(floor > 1_000);
        Assert.Equal(OnceVerdict.Duplicate, table.Check(Identity(100, 1_100), Bytes("k100"), floor, out _, out _));
        Assert.Equal(OnceVerdict.BelowFloor, table.Check(Identity(1, 1_001), Bytes("k1"), floor, out _, out _));
    }

    [Fact]
    public void EndEntry_AllStampsEqualAndOverBound_StillMakesRoom()
    {
        OnceTable table = NewTable(bytesMax: 1_000);
        ulong floor = 0;
        for (ulong i = 1; i <= 50; i++)
        {
            using IEngineBatch batch = _engine.NewBatch();
            if (table.Check(Identity(i, 7), Bytes("k"), floor, out _, out _) == OnceVerdict.New)
            {
                table.Record(Identity(i, 7), new LogIndex(i), Bytes("k"), Bytes("k"), i);
            }

            floor = table.EndEntry(batch, floor, 0);
        }

        Assert.True(table.Bytes <= 1_000);
        Assert.Equal(8UL, floor);
    }

    /// <summary>
    /// A table loaded from meta must decide exactly as the one that was never unloaded (Once law): a peer that
    /// restarted and one that did not must answer alike, for ever.
    /// </summary>
    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    [InlineData(4UL)]
    public void Load_AtAnyMoment_EqualsTheTableThatWasNeverUnloaded(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        OnceTable kept = NewTable(bytesMax: 6_000);
        OnceTable reloaded = NewTable(bytesMax: 6_000);
        ulong floor = 0;
        var sequences = new ulong[4];
        var lowest = new ulong[4];
        for (ulong index = 1; index <= 600; index++)
        {
            ulong time = 10_000 + (index * 10);
            ulong ageFloor = time - 1_500;
            using IEngineBatch batch = _engine.NewBatch();
            using IEngineBatch other = _engine.NewBatch();
            for (int command = random.Next(4); command >= 0; command--)
            {
                int who = random.Next(4);
                bool retry = random.Chance(0.3) && sequences[who] > 0;
                ulong sequence = retry
                    ? sequences[who] - (ulong)random.Next((int)Math.Min(5, sequences[who]))
                    : ++sequences[who];
                lowest[who] = random.Chance(0.3)
                    ? Math.Max(lowest[who], sequences[who] - (ulong)random.Next(3))
                    : lowest[who];
                var identity = new CommandIdentity(
                    new SessionId(0, (ulong)who), sequence, time - (ulong)random.Next(2_000),
                    Math.Min(sequence, lowest[who]));
                byte[] key = Bytes($"key{random.Next(10)}");
                OnceVerdict first = kept.Check(identity, key, floor, out ulong firstRevision, out byte[]? firstResult);
                OnceVerdict second = reloaded.Check(
                    identity, key, floor, out ulong secondRevision, out byte[]? secondResult);
                Assert.True(
                    first == second && firstRevision == secondRevision,
                    $"seed {seed} index {index}: {first} and {second}");
                Assert.Equal(firstResult, secondResult);
                if (first == OnceVerdict.New)
                {
                    bool endsBefore = random.Chance(0.2);
                    byte[] last = endsBefore ? [.. key, 1] : key;
                    byte[]? result = random.Chance(0.3) ? new byte[1 + random.Next(20)] : null;
                    kept.Record(identity, new LogIndex(index), key, last, index, endsBefore, result);
                    reloaded.Record(identity, new LogIndex(index), key, last, index, endsBefore, result);
                }
            }

            ulong keptFloor = kept.EndEntry(batch, floor, ageFloor);
            ulong reloadedFloor = reloaded.EndEntry(other, floor, ageFloor);
            Assert.Equal(keptFloor, reloadedFloor);
            Assert.Equal(kept.Bytes, reloaded.Bytes);
            Assert.Equal(kept.OutcomeCount, reloaded.OutcomeCount);
            Assert.Equal(kept.RowCount, reloaded.RowCount);
            floor = keptFloor;
            _engine.Write(batch, sync: false);
            Assert.Equal(kept.RowCount, RowsOnDisk().Count);
            if (random.Chance(0.1))
            {
                reloaded = OnceTable.Load(_engine, Region, 6_000, floor);
            }
        }

        Assert.True(floor > 0);
    }

    private static OnceTable NewTable(long bytesMax = 1_000_000) => new(Region, bytesMax);

    private static CommandIdentity Identity(ulong sequence, ulong stamp, ulong lowest = 0) =>
        new(Session, sequence, stamp, lowest);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private void Record(
        OnceTable table, ulong index, ulong sequence, ulong stamp, string key, ulong revision, ulong lowest = 0)
    {
        using IEngineBatch batch = _engine.NewBatch();
        table.Record(Identity(sequence, stamp, lowest), new LogIndex(index), Bytes(key), Bytes(key), revision);
        table.EndEntry(batch, 0, 0);
        _engine.Write(batch, sync: false);
    }

    private List<ulong> RowsOnDisk()
    {
        var rows = new List<ulong>();
        using IEngineIterator iterator = _engine.Iterate(ColumnFamily.Meta, "O"u8.ToArray(), "P"u8.ToArray());
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
        {
            rows.Add(Kv.Store.Meta.MetaKeys.OutcomesIndex(iterator.Key).Value);
        }

        return rows;
    }
}
