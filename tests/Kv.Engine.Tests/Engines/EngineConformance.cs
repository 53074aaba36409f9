// Owns what both engines must answer alike. Derived once per engine; each test gets an engine of its own.
namespace Kv.Engine.Tests.Engines;

public abstract partial class EngineConformance
{
    protected abstract EngineHarness NewHarness();

    [Fact]
    public void Get_AbsentKey_IsNullAndEmptyValueIsNot()
    {
        using EngineHarness h = NewHarness();
        h.Put("empty", "");

        Assert.Null(h.Engine.Get(ColumnFamily.Data, "absent"u8));
        Assert.Equal("", h.Text("empty"));
        Assert.Null(h.Engine.Get(ColumnFamily.Aux, "empty"u8));
        Assert.Null(h.Engine.Get(ColumnFamily.Meta, "empty"u8));
    }

    [Fact]
    public void TryRead_PresentKey_HandsTheValueOnce()
    {
        using EngineHarness h = NewHarness();
        h.Put("k", "value");
        h.Put("empty", "");
        var seen = new List<string>();

        Assert.True(h.Engine.TryRead(ColumnFamily.Data, "k"u8, seen, (span, list) => list.Add(Bytes.Text(span))));
        Assert.True(h.Engine.TryRead(ColumnFamily.Data, "empty"u8, seen, (span, list) => list.Add(Bytes.Text(span))));
        Assert.False(h.Engine.TryRead(ColumnFamily.Data, "absent"u8, seen, (span, list) => list.Add("never")));
        Assert.Equal(["value", ""], seen);
    }

    [Fact]
    public void TryReadCached_JustWritten_TellsWithoutTheDisk()
    {
        using EngineHarness h = NewHarness();
        h.Put("k", "value");
        var seen = new List<string>();

        Assert.Equal(
            CachedRead.Found,
            h.Engine.TryReadCached(ColumnFamily.Data, "k"u8, seen, (span, list) => list.Add(Bytes.Text(span))));
        Assert.Equal(
            CachedRead.Absent,
            h.Engine.TryReadCached(ColumnFamily.Data, "absent"u8, seen, (span, list) => list.Add("never")));
        Assert.Equal(["value"], seen);
    }

    [Fact]
    public void Get_ReturnedArrayChanged_EngineKeepsItsValue()
    {
        using EngineHarness h = NewHarness();
        h.Put("k", "value");

        h.Engine.Get(ColumnFamily.Data, "k"u8)![0] = (byte)'X';

        Assert.Equal("value", h.Text("k"));
    }

    [Fact]
    public void Iterate_BytesOfEveryKind_OrderIsUnsignedLexicographic()
    {
        using EngineHarness h = NewHarness();
        string[] keys =
            [
                "", "\0", "\0\0", "\0\xFF", "\x01", "a", "a\0", "a\0\0", "aa", "b", "\x7F", "\x80", "\xFE\xFF", "\xFF",
                "\xFF\0", "\xFF\xFF"];
        h.Write(b =>
        {
            foreach (string key in keys.Reverse())
            {
                b.Put(ColumnFamily.Data, Bytes.Of(key), Bytes.Of("v" + key));
            }
        });

        string[] expected = [.. keys.Select(k => $"{k}=v{k}")];
        Assert.Equal(expected, h.Engine.Walk());
        Assert.Equal(expected.Reverse(), h.Engine.WalkBack());
        Assert.All(keys, k => Assert.Equal("v" + k, h.Text(k)));

        h.Engine.Flush();
        Assert.Equal(expected, h.Engine.Walk());
        Assert.Equal(expected.Reverse(), h.Engine.WalkBack());
        Assert.All(keys, k => Assert.Equal("v" + k, h.Text(k)));
    }

    [Theory]
    [InlineData("b", "d", "b c")]
    [InlineData("b", "d\0", "b c d")]
    [InlineData("b\0", "d", "c")]
    [InlineData("", "a", "")]
    [InlineData("", "a\0", "a")]
    [InlineData("e", null, "e")]
    [InlineData("e\0", null, "")]
    [InlineData("", "", "a b c d e")]
    [InlineData("c", "", "c d e")]
    [InlineData("c", "c", "")]
    [InlineData("d", "b", "")]
    [InlineData("", null, "a b c d e")]
    public void Iterate_Bounds_StartIncludedEndExcluded(string start, string? end, string expected)
    {
        using EngineHarness h = NewHarness();
        foreach (char c in "abcde")
        {
            h.Put(c.ToString(), "");
        }

        string[] keys = expected.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(keys.Select(k => k + "="), h.Engine.Walk(start, end));
        Assert.Equal(keys.Reverse().Select(k => k + "="), h.Engine.WalkBack(start, end));
    }

    [Theory]
    [InlineData("", "b", null)]
    [InlineData("a", "b", null)]
    [InlineData("b", "b", "b")]
    [InlineData("b\0", "d", "b")]
    [InlineData("c", "d", "b")]
    [InlineData("d", "d", "d")]
    [InlineData("f", "f", "f")]
    [InlineData("g", null, "f")]
    [InlineData("h", null, "f")]
    [InlineData("\xFF\xFF", null, "f")]
    public void Seek_InsideBounds_FindsTheNeighbours(string key, string? atOrAfter, string? atOrBefore)
    {
        using EngineHarness h = NewHarness();
        foreach (char c in "abdfhx")
        {
            h.Put(c.ToString(), "");
        }

        using IEngineIterator iterator = h.Engine.Open("b", "h");
        iterator.Seek(Bytes.Of(key));
        Assert.Equal(atOrAfter, iterator.Valid ? Bytes.Text(iterator.Key) : null);
        iterator.SeekForPrev(Bytes.Of(key));
        Assert.Equal(atOrBefore, iterator.Valid ? Bytes.Text(iterator.Key) : null);
    }

    [Fact]
    public void Iterate_TurnsAround_StandsOnTheSameKeys()
    {
        using EngineHarness h = NewHarness();
        foreach (char c in "abcd")
        {
            h.Put(c.ToString(), "");
        }

        using IEngineIterator iterator = h.Engine.Open();
        var seen = new List<string>();
        iterator.Seek("b"u8);
        seen.Add(Bytes.Text(iterator.Key));
        iterator.Next();
        seen.Add(Bytes.Text(iterator.Key));
        iterator.Prev();
        seen.Add(Bytes.Text(iterator.Key));
        iterator.Prev();
        seen.Add(Bytes.Text(iterator.Key));
        iterator.Next();
        seen.Add(Bytes.Text(iterator.Key));
        Assert.Equal(["b", "c", "b", "a", "b"], seen);

        iterator.SeekToFirst();
        iterator.Prev();
        Assert.False(iterator.Valid);
        iterator.SeekToLast();
        iterator.Next();
        Assert.False(iterator.Valid);
        iterator.SeekToLast();
        Assert.Equal("d", Bytes.Text(iterator.Key));
    }

    [Fact]
    public void Iterate_EmptyEngine_NeverValid()
    {
        using EngineHarness h = NewHarness();
        using IEngineIterator iterator = h.Engine.Open();
        Assert.False(iterator.Valid);
        iterator.SeekToFirst();
        Assert.False(iterator.Valid);
        iterator.SeekToLast();
        Assert.False(iterator.Valid);
        iterator.Seek("k"u8);
        Assert.False(iterator.Valid);
        iterator.SeekForPrev("k"u8);
        Assert.False(iterator.Valid);
    }

    [Fact]
    public void Iterate_BoundsBufferReused_BoundsStay()
    {
        using EngineHarness h = NewHarness();
        foreach (char c in "abcd")
        {
            h.Put(c.ToString(), "");
        }

        byte[] start = Bytes.Of("b");
        byte[] end = Bytes.Of("d");
        using IEngineIterator iterator = h.Engine.Iterate(ColumnFamily.Data, start, end);
        start[0] = (byte)'z';
        end[0] = (byte)'a';

        iterator.SeekToFirst();
        Assert.Equal("b", Bytes.Text(iterator.Key));
        iterator.SeekToLast();
        Assert.Equal("c", Bytes.Text(iterator.Key));
    }

    [Fact]
    public void Iterate_WritesAfterCreation_AreNotSeen()
    {
        using EngineHarness h = NewHarness();
        h.Put("a", "1");
        h.Put("b", "1");
        h.Put("d", "1");
        using IEngineIterator iterator = h.Engine.Open();

        h.Put("a", "2");
        h.Put("c", "2");
        h.Write(b => b.Delete(ColumnFamily.Data, "b"u8));
        h.Write(b => b.DeleteRange(ColumnFamily.Data, "c"u8, "z"u8));
        h.Engine.Flush();

        var seen = new List<string>();
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
        {
            seen.Add($"{Bytes.Text(iterator.Key)}={Bytes.Text(iterator.Value)}");
        }

        Assert.Equal(["a=1", "b=1", "d=1"], seen);
        Assert.Equal(["a=2"], h.Engine.Walk());
    }

    [Fact]
    public void Snapshot_WritesAfter_AreNotSeenInAnyFamily()
    {
        using EngineHarness h = NewHarness();
        foreach (ColumnFamily family in Enum.GetValues<ColumnFamily>())
        {
            h.Put("k", "old", family);
            h.Put("gone", "old", family);
        }

        using IEngineSnapshot snapshot = h.Engine.Snapshot();
        h.Write(b =>
        {
            foreach (ColumnFamily family in Enum.GetValues<ColumnFamily>())
            {
                b.Put(family, "k"u8, "new"u8);
                b.DeleteRange(family, "g"u8, "h"u8);
                b.Put(family, "more"u8, "new"u8);
            }
        });
        h.Engine.Flush();

        foreach (ColumnFamily family in Enum.GetValues<ColumnFamily>())
        {
            Assert.Equal(["gone=old", "k=old"], snapshot.Walk(family: family));
            Assert.Equal(["k=old", "gone=old"], snapshot.WalkBack(family: family));
            Assert.Equal("old", Bytes.Text(snapshot.Get(family, "k"u8)));
            Assert.Null(snapshot.Get(family, "more"u8));
            Assert.True(snapshot.TryRead(family, "gone"u8, 0, (span, _) => Assert.Equal("old", Bytes.Text(span))));
            Assert.Equal(["k=new", "more=new"], h.Engine.Walk(family: family));
        }
    }

    [Fact]
    public void Snapshot_Disposed_RefusesReadsWhileItsIteratorGoesOn()
    {
        using EngineHarness h = NewHarness();
        h.Put("a", "1");
        IEngineSnapshot snapshot = h.Engine.Snapshot();
        using IEngineIterator iterator = snapshot.Open();
        h.Put("a", "2");
        snapshot.Dispose();
        h.Engine.Flush();

        Assert.Throws<ObjectDisposedException>(() => snapshot.Get(ColumnFamily.Data, "a"u8));
        iterator.SeekToFirst();
        Assert.Equal("1", Bytes.Text(iterator.Value));
    }

    [Fact]
    public void Iterator_Disposed_RefusesMoves()
    {
        using EngineHarness h = NewHarness();
        h.Put("a", "1");
        IEngineIterator iterator = h.Engine.Open();
        iterator.SeekToFirst();
        iterator.Dispose();
        iterator.Dispose();

        Assert.False(iterator.Valid);
        Assert.Throws<ObjectDisposedException>(iterator.SeekToFirst);
    }
}
