namespace Kv.Base.Tests;

public sealed class KeyOrderTests
{
    /// <summary>In order: empty first, bytes unsigned, a prefix before what it begins.</summary>
    private static readonly string[] Ordered =
        ["", "00", "0000", "0001", "01", "7f", "80", "80ff", "ff", "ff00", "ffff"];

    [Fact]
    public void Compare_EveryPair_IsUnsignedAndLexicographic()
    {
        for (int a = 0; a < Ordered.Length; a++)
        {
            for (int b = 0; b < Ordered.Length; b++)
            {
                byte[] x = Convert.FromHexString(Ordered[a]);
                byte[] y = Convert.FromHexString(Ordered[b]);
                Assert.Equal(Math.Sign(a.CompareTo(b)), Math.Sign(KeyOrder.Instance.Compare(x, y)));
                int ofMemory = KeyOrder.Instance.Compare((ReadOnlyMemory<byte>)x, (ReadOnlyMemory<byte>)y);
                Assert.Equal(Math.Sign(a.CompareTo(b)), Math.Sign(ofMemory));
            }
        }
    }

    [Theory]
    [InlineData("00", "01")]
    [InlineData("61", "62")]
    [InlineData("6161", "6162")]
    [InlineData("61ff", "62")]
    [InlineData("00ffff", "01")]
    [InlineData("feff", "ff")]
    public void PrefixEnd_OfAPrefixThatHasOne_IsTheSmallestKeyAbove(string prefix, string end) =>
        Assert.Equal(end, Convert.ToHexStringLower(KeyOrder.PrefixEnd(Convert.FromHexString(prefix))!));

    [Theory]
    [InlineData("")]
    [InlineData("ff")]
    [InlineData("ffffff")]
    public void PrefixEnd_OfNothingOrTheLastPrefix_IsNull(string prefix) =>
        Assert.Null(KeyOrder.PrefixEnd(Convert.FromHexString(prefix)));

    [Theory]
    [InlineData(5UL)]
    public void PrefixEnd_RandomKeys_SeparatesExactlyWhatStartsWithThePrefix(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        for (int round = 0; round < 2_000; round++)
        {
            byte[] prefix = FewBytes(random);
            byte[] key = FewBytes(random);
            byte[]? end = KeyOrder.PrefixEnd(prefix);
            bool inside = KeyOrder.Instance.Compare(prefix, key) <= 0
                && (end is null || KeyOrder.Instance.Compare(key, end) < 0);
            Assert.Equal(key.AsSpan().StartsWith(prefix), inside);
        }
    }

    /// <summary>Short and of few byte values, so that keys often share a prefix.</summary>
    private static byte[] FewBytes(DeterministicRandom random)
    {
        byte[] bytes = new byte[random.Next(4)];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(0xFD + random.Next(3));
        }

        return bytes;
    }
}
