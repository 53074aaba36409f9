// The part of the suite about tables made outside the engine, and about checkpoints.
using Kv.Base;

namespace Kv.Engine.Tests.Engines;

public abstract partial class EngineConformance
{
    [Fact]
    public void IngestTable_BeginsWithTombstone_ReplacesTheRangeExactly()
    {
        using EngineHarness h = NewHarness();
        foreach (char c in "abcdefg")
        {
            h.Put(c.ToString(), "old");
            h.Put(c.ToString(), "aux", ColumnFamily.Aux);
        }

        string path = WriteTable(h, t =>
        {
            t.DeleteRange("b"u8, "f"u8);
            t.Put("b"u8, "new"u8);
            t.Put("c5"u8, "new"u8);
            t.Put("e\xFF"u8, ""u8);
        });
        h.Engine.IngestTable(ColumnFamily.Data, path);

        string[] expected = ["a=old", "b=new", "c5=new", $"{Bytes.Text("e\xFF"u8)}=", "f=old", "g=old"];
        Assert.Equal(expected, h.Engine.Walk());
        Assert.Equal(expected.Reverse(), h.Engine.WalkBack());
        Assert.Null(h.Text("c"));
        Assert.Equal("new", h.Text("b"));
        Assert.Equal(7, h.Engine.Walk(family: ColumnFamily.Aux).Count);

        h.Engine.Flush();
        h.Restart();
        Assert.Equal(expected, h.Engine.Walk());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IngestTable_OnlyATombstone_LeavesNoGhostKeys(bool flushedBefore)
    {
        using EngineHarness h = NewHarness();
        for (int i = 0; i < 100; i++)
        {
            h.Put($"k{i:D3}", "old");
        }

        if (flushedBefore)
        {
            h.Engine.Flush();
        }

        h.Engine.IngestTable(ColumnFamily.Data, WriteTable(h, t => t.DeleteRange("k010"u8, "k090"u8)));

        Assert.Equal(20, h.Engine.Walk().Count);
        Assert.Equal(20, h.Engine.WalkBack().Count);
        Assert.Empty(h.Engine.Walk("k010", "k090"));
        Assert.Null(h.Text("k050"));
    }

    [Fact]
    public void IngestTable_WritesAfterIt_Win()
    {
        using EngineHarness h = NewHarness();
        string path = WriteTable(h, t =>
        {
            t.DeleteRange("a"u8, "z"u8);
            t.Put("b"u8, "table"u8);
            t.Put("c"u8, "table"u8);
        });
        h.Put("b", "before");
        h.Engine.IngestTable(ColumnFamily.Data, path);
        h.Put("c", "after");
        h.Put("d", "after");

        Assert.Equal(["b=table", "c=after", "d=after"], h.Engine.Walk());
    }

    [Fact]
    public void IngestTable_Twice_IsTheSameAsOnce()
    {
        // A snapshot install is a redo: a crash repeats the ingest of the same file (Snapshot law).
        using EngineHarness h = NewHarness();
        h.Put("a", "old");
        string path = WriteTable(h, t =>
        {
            t.DeleteRange("a"u8, "z"u8);
            t.Put("b"u8, "table"u8);
        });
        h.Engine.IngestTable(ColumnFamily.Data, path);
        h.Put("c", "between");
        h.Restart();
        h.Engine.IngestTable(ColumnFamily.Data, path);

        Assert.Equal(["b=table"], h.Engine.Walk());
    }

    [Fact]
    public void IngestTable_SnapshotAndIteratorBefore_SeeTheOldRange()
    {
        using EngineHarness h = NewHarness();
        h.Put("a", "old");
        h.Put("b", "old");
        using IEngineSnapshot snapshot = h.Engine.Snapshot();
        using IEngineIterator iterator = h.Engine.Open();
        h.Engine.IngestTable(ColumnFamily.Data, WriteTable(h, t =>
        {
            t.DeleteRange("a"u8, "z"u8);
            t.Put("c"u8, "new"u8);
        }));

        Assert.Equal(["a=old", "b=old"], snapshot.Walk());
        iterator.SeekToLast();
        Assert.Equal("b", Bytes.Text(iterator.Key));
        Assert.Equal(["c=new"], h.Engine.Walk());
    }

    [Fact]
    public void IngestTable_DamagedOrAbsent_IsRefusedAndTheEngineGoesOn()
    {
        using EngineHarness h = NewHarness();
        h.Put("a", "old");
        string path = WriteTable(h, t => t.Put("a"u8, "new"u8));
        h.DamageFile(path);

        EngineException damaged = Assert.Throws<EngineException>(() => h.Engine.IngestTable(ColumnFamily.Data, path));
        EngineException absent = Assert.Throws<EngineException>(
            () => h.Engine.IngestTable(ColumnFamily.Data, h.NewPath("absent")));
        Assert.Contains(path, damaged.Message, StringComparison.Ordinal);
        Assert.Contains("table ingest", absent.Message, StringComparison.Ordinal);

        h.Put("b", "after");
        Assert.Equal(["a=old", "b=after"], h.Engine.Walk());
    }

    [Fact]
    public void TableWriter_KeysNotRisingOrNothingWritten_IsRefused()
    {
        using EngineHarness h = NewHarness();
        using IEngineTableWriter falling = h.Engine.NewTableWriter(h.NewPath("table"));
        falling.Put("b"u8, "1"u8);
        Assert.Throws<EngineException>(() => falling.Put("b"u8, "2"u8));
        Assert.Throws<EngineException>(() => falling.Put("a"u8, "2"u8));
        Assert.Throws<InvariantViolationException>(() => falling.DeleteRange("x"u8, "y"u8));

        using IEngineTableWriter empty = h.Engine.NewTableWriter(h.NewPath("table"));
        Assert.Throws<EngineException>(() => empty.Finish());
        using IEngineTableWriter finished = h.Engine.NewTableWriter(h.NewPath("table"));
        finished.Put("a"u8, "1"u8);
        Assert.True(finished.Finish() > 0);
        Assert.Throws<InvariantViolationException>(() => finished.Finish());
    }

    [Fact]
    public void IngestTable_50000Keys_AllThere()
    {
        using EngineHarness h = NewHarness();
        for (int i = 0; i < 1000; i++)
        {
            h.Put($"k{i * 50:D6}x", "ghost");
        }

        h.Engine.IngestTable(ColumnFamily.Data, WriteTable(h, t =>
        {
            t.DeleteRange("k"u8, "l"u8);
            for (int i = 0; i < 50_000; i++)
            {
                t.Put(Bytes.Of($"k{i:D6}"), Bytes.Of($"{i}"));
            }
        }));

        List<string> all = h.Engine.Walk();
        Assert.Equal(50_000, all.Count);
        Assert.Equal("k049999=49999", all[^1]);
    }

    [Fact]
    public void Checkpoint_OpenedAsAnEngine_EqualAndApart()
    {
        using EngineHarness h = NewHarness();
        foreach (ColumnFamily family in Enum.GetValues<ColumnFamily>())
        {
            h.Put("flushed", $"{family}", family);
        }

        h.Engine.Flush();
        foreach (ColumnFamily family in Enum.GetValues<ColumnFamily>())
        {
            h.Put("in the log", $"{family}", family);
        }

        string folder = h.NewPath("checkpoint");
        h.Engine.Checkpoint(folder);
        h.Put("later", "v");

        using IEngine copy = h.OpenCheckpoint(folder);
        foreach (ColumnFamily family in Enum.GetValues<ColumnFamily>())
        {
            Assert.Equal([$"flushed={family}", $"in the log={family}"], copy.Walk(family: family));
        }

        using (IEngineBatch batch = copy.NewBatch())
        {
            batch.DeleteRange(ColumnFamily.Data, "a"u8, "z"u8);
            copy.Write(batch, sync: true);
        }

        Assert.Empty(copy.Walk());
        Assert.Equal(3, h.Engine.Walk().Count);
    }

    [Fact]
    public void Checkpoint_FolderExists_IsRefused()
    {
        using EngineHarness h = NewHarness();
        string folder = h.NewPath("checkpoint");
        h.Engine.Checkpoint(folder);
        EngineException e = Assert.Throws<EngineException>(() => h.Engine.Checkpoint(folder));
        Assert.Contains(folder, e.Message, StringComparison.Ordinal);
        h.Put("still", "writes");
        Assert.Equal("writes", h.Text("still"));
    }

    private static string WriteTable(EngineHarness h, Action<IEngineTableWriter> fill)
    {
        string path = h.NewPath("table");
        using IEngineTableWriter writer = h.Engine.NewTableWriter(path);
        fill(writer);
        Assert.True(writer.Finish() > 0);
        return path;
    }
}
