// The part of the suite about what survives. Every batch i puts i under its own key in two families and as the newest
// number in the third, so any survivor that is not a prefix of whole batches shows itself.
using System.Globalization;
using Kv.Base;

namespace Kv.Engine.Tests.Engines;

public abstract partial class EngineConformance
{
    [Fact]
    public void Kill_NothingSynced_EverythingWrittenSurvives()
    {
        using EngineHarness h = NewHarness();
        for (int i = 1; i <= 300; i++)
        {
            WriteNumbered(h, i, sync: false);
        }

        h.Kill(new DeterministicRandom(1));
        Assert.Equal(300, CheckPrefix(h));
    }

    [Fact]
    public void Restart_NothingSynced_EverythingWrittenSurvives()
    {
        using EngineHarness h = NewHarness();
        for (int i = 1; i <= 300; i++)
        {
            WriteNumbered(h, i, sync: false);
        }

        h.Restart();
        Assert.Equal(300, CheckPrefix(h));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void PowerCut_RandomSyncsFlushesIngests_APrefixSurvivesThatHoldsAllPromised(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        int lost = 0;
        int cuts = 0;
        using EngineHarness h = NewHarness();
        int written = 0;
        int promised = 0;
        for (int round = 0; round < 8; round++)
        {
            int steps = random.Next(60);
            for (int step = 0; step < steps; step++)
            {
                promised = Step(h, random, ref written) ? written : promised;
            }

            h.PowerCut(random.Fork());
            int survived = CheckPrefix(h);
            Assert.True(
                survived >= promised && survived <= written,
                $"seed {seed}, round {round}: {survived} batches survived, "
                    + $"{promised} were promised, {written} written");
            lost += written - survived;
            cuts++;

            // What an open found is durable.
            written = survived;
            promised = survived;
            h.PowerCut(random.Fork());
            Assert.Equal(survived, CheckPrefix(h));
        }

        Assert.True(lost > 0, $"seed {seed}: {cuts} power cuts lost nothing; the test proves nothing");
    }

    [Fact]
    public void PowerCut_LargeBatchAcrossFamilies_NeverSurvivesByHalf()
    {
        var random = new DeterministicRandom(7);
        using EngineHarness h = NewHarness();
        int wholes = 0;
        for (int round = 0; round < 12; round++)
        {
            h.Write(b =>
            {
                for (int i = 0; i < 400; i++)
                {
                    b.Put((ColumnFamily)(i % 3), Bytes.Of($"r{round:D2}-{i:D3}"), new byte[200]);
                }
            });
            h.Put("after", "the batch");
            h.PowerCut(random.Fork());

            int survived = Enum.GetValues<ColumnFamily>()
                .Sum(f => h.Engine.Walk($"r{round:D2}", $"r{round:D2}~", f).Count);
            Assert.True(survived is 0 or 400, $"{survived} of 400 keys of one batch survived");
            wholes += survived / 400;
        }

        Assert.InRange(wholes, 0, 11);
    }

    [Fact]
    public void PowerCut_AfterIngest_TableAndEverythingBeforeItSurvive()
    {
        for (ulong seed = 0; seed < 8; seed++)
        {
            using EngineHarness h = NewHarness();
            h.Put("far", "unsynced");
            h.Put("b", "ghost");
            h.Engine.IngestTable(ColumnFamily.Data, WriteTable(h, t =>
            {
                t.DeleteRange("a"u8, "e"u8);
                t.Put("c"u8, "table"u8);
            }));
            h.NoteDurable();
            h.Put("later", "unsynced");
            h.PowerCut(new DeterministicRandom(seed));

            List<string> all = h.Engine.Walk();
            Assert.Equal(["c=table", "far=unsynced"], all.Where(e => !e.StartsWith("later", StringComparison.Ordinal)));
        }
    }

    /// <summary>One random write or sync. True when everything written so far is now promised.</summary>
    private static bool Step(EngineHarness h, DeterministicRandom random, ref int written)
    {
        switch (random.Next(24))
        {
            case 0:
                h.Engine.SyncWal();
                break;
            case 1:
                h.Engine.Flush();
                break;
            case 2:
                // Beyond every numbered key, so that the numbers stay comparable.
                h.Engine.IngestTable(ColumnFamily.Data, WriteTable(h, t => t.DeleteRange("x"u8, "y"u8)));
                break;
            case 3:
                WriteNumbered(h, ++written, sync: true);
                break;
            default:
                WriteNumbered(h, ++written, sync: false);
                return false;
        }

        h.NoteDurable();
        return true;
    }

    private static void WriteNumbered(EngineHarness h, int number, bool sync) => h.Write(
        b =>
        {
            byte[] key = Bytes.Of(number.ToString("D6", CultureInfo.InvariantCulture));
            b.Put(ColumnFamily.Data, key, new byte[number * 37 % 500]);
            b.Put(ColumnFamily.Aux, key, "aux"u8);
            b.DeleteRange(ColumnFamily.Meta, "n"u8, "o"u8);
            b.Put(ColumnFamily.Meta, Bytes.Of($"n{number}"), "newest"u8);
        },
        sync);

    /// <summary>Requires that exactly the batches 1..n are there, each whole, and returns n.</summary>
    private static int CheckPrefix(EngineHarness h)
    {
        List<string> meta = h.Engine.Walk(family: ColumnFamily.Meta);
        int newest = meta.Count == 0
            ? 0
            : int.Parse(Assert.Single(meta)[1..^"=newest".Length], CultureInfo.InvariantCulture);
        string[] expected = [
            .. Enumerable.Range(1, newest).Select(i => i.ToString("D6", CultureInfo.InvariantCulture))];
        Assert.Equal(expected, h.Engine.Walk(family: ColumnFamily.Data).Select(e => e[..6]));
        Assert.Equal(expected, h.Engine.Walk(family: ColumnFamily.Aux).Select(e => e[..6]));
        for (int i = 1; i <= newest; i++)
        {
            Assert.Equal(i * 37 % 500, h.Engine.Get(ColumnFamily.Data, Bytes.Of($"{i:D6}"))!.Length);
        }

        return newest;
    }
}
