using System.Text;
using Kv.Base;
using Kv.Engine;
using Kv.Store.Apply;

namespace Kv.Store.Tests.Apply;

public sealed class OverlayTests
{
    private readonly Overlay _overlay = new();

    [Fact]
    public void TryFind_KeyNeverTouched_SaysThatWhatLiesBelowHolds()
    {
        Set("b", "1");

        Assert.Equal("below", Find("a"));
        Assert.Equal("below", Find("c"));
        Assert.Equal("1", Find("b"));
    }

    [Fact]
    public void TryFind_RangeThenPutThenRange_TheNewestWins()
    {
        Set("c", "1");
        Delete("b", "d");
        Assert.Equal("absent", Find("c"));
        Assert.Equal("absent", Find("b"));
        Assert.Equal("below", Find("d"));

        Set("c", "2");
        Assert.Equal("2", Find("c"));
        Delete("c", "c\0");
        Assert.Equal("absent", Find("c"));
    }

    [Fact]
    public void Families_ArePartOfTheKey()
    {
        Set("a", "1");
        _overlay.DeleteRange(ColumnFamily.Aux, Bytes("a"), Bytes("z"));

        Assert.Equal("1", Find("a"));
        Assert.True(_overlay.TryFind(ColumnFamily.Aux, Bytes("a"), out byte[]? value));
        Assert.Null(value);
    }

    /// <summary>Against the plainest map there is: one slot per key.</summary>
    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void RandomWrites_ReadAsAPlainMapDoes(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        string[] model = new string[40];
        for (int round = 0; round < 30; round++)
        {
            Array.Fill(model, "below");
            _overlay.Clear();
            for (int step = 0; step < 200; step++)
            {
                int key = random.Next(model.Length);
                if (random.Chance(0.4))
                {
                    model[key] = $"{step}";
                    Set(Name(key), model[key]);
                }
                else if (random.Chance(0.3))
                {
                    model[key] = "absent";
                    _overlay.Set(ColumnFamily.Data, Bytes(Name(key)), value: null);
                }
                else
                {
                    int end = key + 1 + random.Next(random.Chance(0.1) ? model.Length : 3);
                    Delete(Name(key), Name(end));
                    for (int i = key; i < Math.Min(end, model.Length); i++)
                    {
                        model[i] = "absent";
                    }
                }
            }

            for (int i = 0; i < model.Length; i++)
            {
                Assert.True(model[i] == Find(Name(i)), $"seed {seed} round {round}: {Name(i)} reads {Find(Name(i))}");
            }
        }
    }

    private static string Name(int key) => $"k{key:d3}";

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private void Set(string key, string value) => _overlay.Set(ColumnFamily.Data, Bytes(key), Bytes(value));

    private void Delete(string start, string end) =>
        _overlay.DeleteRange(ColumnFamily.Data, Bytes(start), Bytes(end));

    private string Find(string key) => !_overlay.TryFind(ColumnFamily.Data, Bytes(key), out byte[]? value)
        ? "below"
        : value is null ? "absent" : Encoding.UTF8.GetString(value);
}
