// The part of the suite about batches, deletes of ranges, sizes and load.
using Kv.Base;

namespace Kv.Engine.Tests.Engines;

public abstract partial class EngineConformance
{
    [Fact]
    public void Write_SameKeyTwiceInABatch_LastWins()
    {
        using EngineHarness h = NewHarness();
        h.Put("dead", "old");
        h.Write(b =>
        {
            b.Put(ColumnFamily.Data, "k"u8, "1"u8);
            b.Delete(ColumnFamily.Data, "k"u8);
            b.Put(ColumnFamily.Data, "k"u8, "2"u8);
            b.Put(ColumnFamily.Data, "dead"u8, "new"u8);
            b.Delete(ColumnFamily.Data, "dead"u8);
            b.Delete(ColumnFamily.Data, "never"u8);
        });

        Assert.Equal(["k=2"], h.Engine.Walk());
    }

    [Fact]
    public void DeleteRange_InABatch_TakesWhatIsBeforeItAndNotWhatIsAfter()
    {
        using EngineHarness h = NewHarness();
        foreach (char c in "abcdef")
        {
            h.Put(c.ToString(), "old");
            h.Put(c.ToString(), "aux", ColumnFamily.Aux);
        }

        h.Write(b =>
        {
            b.Put(ColumnFamily.Data, "b1"u8, "before"u8);
            b.DeleteRange(ColumnFamily.Data, "b"u8, "e"u8);
            b.Put(ColumnFamily.Data, "c"u8, "after"u8);
            b.DeleteRange(ColumnFamily.Aux, "a"u8, "f\0"u8);
            b.Put(ColumnFamily.Meta, "c"u8, "meta"u8);
        });

        string[] expected = ["a=old", "c=after", "e=old", "f=old"];
        Assert.Equal(expected, h.Engine.Walk());
        Assert.Equal(expected.Reverse(), h.Engine.WalkBack());
        Assert.Empty(h.Engine.Walk(family: ColumnFamily.Aux));
        Assert.Equal(["c=meta"], h.Engine.Walk(family: ColumnFamily.Meta));
        Assert.Null(h.Text("b"));
        Assert.Null(h.Text("b1"));
        Assert.Null(h.Text("d"));

        h.Engine.Flush();
        Assert.Equal(expected, h.Engine.Walk());
        h.Restart();
        Assert.Equal(expected, h.Engine.Walk());
        Assert.Empty(h.Engine.Walk(family: ColumnFamily.Aux));
    }

    [Fact]
    public void DeleteRange_BoundsOfEmptyAndHighKeys_AreExact()
    {
        using EngineHarness h = NewHarness();
        foreach (string key in new[] { "", "\0", "a", "\xFF", "\xFF\xFF" })
        {
            h.Put(key, "v");
        }

        h.Write(b => b.DeleteRange(ColumnFamily.Data, ""u8, [0]));
        Assert.Equal(["\0=v", "a=v", "\xFF=v", "\xFF\xFF=v"], h.Engine.Walk());
        h.Write(b => b.DeleteRange(ColumnFamily.Data, [0xFF], [0xFF, 0xFF]));
        Assert.Equal(["\0=v", "a=v", "\xFF\xFF=v"], h.Engine.Walk());
        h.Write(b => b.DeleteRange(ColumnFamily.Data, ""u8, [0xFF, 0xFF, 0]));
        Assert.Empty(h.Engine.Walk());
    }

    [Fact]
    public void DeleteRange_StartNotBeforeEnd_IsRefused()
    {
        using EngineHarness h = NewHarness();
        using IEngineBatch batch = h.Engine.NewBatch();
        Assert.Throws<InvariantViolationException>(() => batch.DeleteRange(ColumnFamily.Data, "b"u8, "b"u8));
        Assert.Throws<InvariantViolationException>(() => batch.DeleteRange(ColumnFamily.Data, "b"u8, "a"u8));
        Assert.Equal(0, batch.Count);
    }

    [Fact]
    public void Batch_ClearedAndReused_HoldsOnlyWhatCameAfter()
    {
        using EngineHarness h = NewHarness();
        using IEngineBatch batch = h.Engine.NewBatch();
        batch.Put(ColumnFamily.Data, "a"u8, "1"u8);
        long one = batch.ByteCount;
        Assert.Equal(1, batch.Count);
        batch.DeleteRange(ColumnFamily.Data, "a"u8, "z"u8);
        Assert.Equal(2, batch.Count);
        Assert.True(batch.ByteCount > one);

        batch.Clear();
        Assert.Equal(0, batch.Count);
        batch.Put(ColumnFamily.Data, "b"u8, "2"u8);
        Assert.Equal(one, batch.ByteCount);
        h.Engine.Write(batch, sync: false);
        batch.Clear();
        batch.Put(ColumnFamily.Data, "c"u8, "3"u8);
        h.Engine.Write(batch, sync: true);

        Assert.Equal(["b=2", "c=3"], h.Engine.Walk());
    }

    [Fact]
    public void Batch_BuffersReusedByTheCaller_KeepsWhatWasPut()
    {
        using EngineHarness h = NewHarness();
        byte[] key = Bytes.Of("k");
        byte[] value = Bytes.Of("v");
        h.Write(b =>
        {
            b.Put(ColumnFamily.Data, key, value);
            key[0] = (byte)'X';
            value[0] = (byte)'X';
        });

        Assert.Equal(["k=v"], h.Engine.Walk());
    }

    [Fact]
    public void Write_EmptyBatch_IsNothing()
    {
        using EngineHarness h = NewHarness();
        h.Write(_ => { }, sync: false);
        h.Write(_ => { }, sync: true);
        Assert.Empty(h.Engine.Walk());
    }

    [Fact]
    public void Write_BatchOfAnotherEngine_IsRefused()
    {
        using EngineHarness h = NewHarness();
        using EngineHarness other = NewHarness();
        using IEngineBatch batch = other.Engine.NewBatch();
        batch.Put(ColumnFamily.Data, "k"u8, "v"u8);
        Assert.Throws<ArgumentException>(() => h.Engine.Write(batch, sync: false));
        Assert.Empty(h.Engine.Walk());
    }

    [Fact]
    public void Put_ValueOf8MiB_ComesBackWhole()
    {
        using EngineHarness h = NewHarness();
        byte[] value = new byte[8 << 20];
        new DeterministicRandom(8).Fill(value);
        h.Write(b => b.Put(ColumnFamily.Data, "big"u8, value), sync: true);

        Assert.True(value.AsSpan().SequenceEqual(h.Engine.Get(ColumnFamily.Data, "big"u8)));
        h.Engine.Flush();
        h.Restart();
        using IEngineIterator iterator = h.Engine.Open();
        iterator.SeekToFirst();
        Assert.True(value.AsSpan().SequenceEqual(iterator.Value));
    }

    [Fact]
    public void Write_100000Keys_AllThereInOrderBothWays()
    {
        const int count = 100_000;
        using EngineHarness h = NewHarness();
        var random = new DeterministicRandom(100_000);
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int j = random.Next(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        using (IEngineBatch batch = h.Engine.NewBatch())
        {
            foreach (int[] chunk in order.Chunk(500))
            {
                batch.Clear();
                foreach (int i in chunk)
                {
                    batch.Put(ColumnFamily.Data, Bytes.Of($"key{i:D8}"), Bytes.Of($"value{i}"));
                }

                h.Engine.Write(batch, sync: false);
            }
        }

        using IEngineIterator iterator = h.Engine.Open();
        int next = 0;
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next(), next++)
        {
            if (Bytes.Text(iterator.Key) != $"key{next:D8}" || Bytes.Text(iterator.Value) != $"value{next}")
            {
                Assert.Fail($"{Bytes.Text(iterator.Key)}={Bytes.Text(iterator.Value)} at place {next}");
            }
        }

        Assert.Equal(count, next);
        for (iterator.SeekToLast(); iterator.Valid; iterator.Prev())
        {
            if (Bytes.Text(iterator.Key) != $"key{--next:D8}")
            {
                Assert.Fail($"{Bytes.Text(iterator.Key)} at place {next}");
            }
        }

        Assert.Equal(0, next);
        h.Write(b => b.DeleteRange(ColumnFamily.Data, "key00000010"u8, "key00099990"u8));
        Assert.Equal(20, h.Engine.Walk().Count);
        Assert.Equal(20, h.Engine.WalkBack().Count);
    }

    [Fact]
    public void EstimateBytes_HalfOfTheKeys_IsNearHalfTheBytes()
    {
        using EngineHarness h = NewHarness();
        byte[] value = new byte[1000];
        var random = new DeterministicRandom(1);
        for (int i = 0; i < 2000; i++)
        {
            random.Fill(value);
            h.Write(b => b.Put(ColumnFamily.Data, Bytes.Of($"k{i:D5}"), value));
        }

        CheckHalf();
        h.Engine.Flush();
        CheckHalf();
        Assert.Equal(0UL, h.Engine.EstimateBytes(ColumnFamily.Aux, default, default));

        void CheckHalf()
        {
            Assert.InRange(h.Engine.EstimateBytes(ColumnFamily.Data, default, default), 1_900_000UL, 2_300_000UL);
            Assert.InRange(h.Engine.EstimateBytes(ColumnFamily.Data, "k01000"u8, default), 900_000UL, 1_150_000UL);
            Assert.InRange(h.Engine.EstimateBytes(ColumnFamily.Data, default, "k01000"u8), 900_000UL, 1_150_000UL);
            Assert.InRange(h.Engine.EstimateBytes(ColumnFamily.Data, "x"u8, "y"u8), 0UL, 5_000UL);
        }
    }

    [Fact]
    public void Read_WhileAnotherThreadWrites_SeesWholeBatchesOnly()
    {
        using EngineHarness h = NewHarness();
        const int batches = 2000;
        int done = 0;
        void WriteAll()
        {
            for (int i = 1; i <= batches; i++)
            {
                h.Write(b =>
                {
                    b.DeleteRange(ColumnFamily.Data, "k"u8, "l"u8);
                    b.Put(ColumnFamily.Data, Bytes.Of($"k{i % 7}"), Bytes.Of($"{i}"));
                    b.Put(ColumnFamily.Meta, "last"u8, Bytes.Of($"{i}"));
                });
            }

            Volatile.Write(ref done, 1);
        }

        void ReadAll()
        {
            int highest = 0;
            while (Volatile.Read(ref done) == 0)
            {
                using IEngineSnapshot snapshot = h.Engine.Snapshot();
                byte[]? last = snapshot.Get(ColumnFamily.Meta, "last"u8);
                int seen = last is null ? 0 : int.Parse(Bytes.Text(last));
                Assert.True(seen >= highest, $"went back from {highest} to {seen}");
                highest = seen;
                Assert.Equal(seen == 0 ? [] : [$"k{seen % 7}={seen}"], snapshot.Walk());
                Assert.True(h.Engine.Walk().Count <= 1);
            }
        }

        RunThreads(WriteAll, ReadAll, ReadAll);
        Assert.Equal([$"k{batches % 7}={batches}"], h.Engine.Walk());
    }

    /// <summary>Runs each on a thread of its own and rethrows what any of them threw.</summary>
    protected static void RunThreads(params Action[] actions)
    {
        var failures = new List<Exception>();
        Thread[] threads = [.. actions.Select(action => new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                lock (failures)
                {
                    failures.Add(e);
                }
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }
}
