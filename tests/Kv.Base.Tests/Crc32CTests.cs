using System.Text;

namespace Kv.Base.Tests;

public sealed class Crc32CTests
{
    // RFC 3720 appendix B.4, and the check value every catalogue of CRCs gives for this polynomial.
    public static TheoryData<byte[], uint> KnownVectors => new()
    {
        { [], 0 },
        { Encoding.ASCII.GetBytes("123456789"), 0xE3069283 },
        { new byte[32], 0x8A9136AA },
        { Enumerable.Repeat((byte)0xFF, 32).ToArray(), 0x62A8AB43 },
        { Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(), 0x46DD794E },
        { Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray(), 0x113FDB5C },
    };

    [Theory]
    [MemberData(nameof(KnownVectors))]
    public void Compute_KnownVector_GivesThePublishedValue(byte[] data, uint expected) =>
        Assert.Equal(expected, Crc32C.Compute(data));

    [Fact]
    public void Extend_AnySplit_EqualsComputeOfTheWhole()
    {
        byte[] data = new byte[67];
        new DeterministicRandom(7).Fill(data);
        uint whole = Crc32C.Compute(data);
        for (int cut = 0; cut <= data.Length; cut++)
        {
            Assert.Equal(whole, Crc32C.Extend(Crc32C.Compute(data.AsSpan(0, cut)), data.AsSpan(cut)));
        }
    }

    [Fact]
    public void Compute_EveryLengthAndAlignment_EqualsTheBitwiseDefinition()
    {
        byte[] data = new byte[48];
        new DeterministicRandom(11).Fill(data);
        for (int start = 0; start < 9; start++)
        {
            for (int length = 0; length <= data.Length - start; length++)
            {
                ReadOnlySpan<byte> part = data.AsSpan(start, length);
                Assert.Equal(Bitwise(part), Crc32C.Compute(part));
            }
        }
    }

    [Fact]
    public void Compute_OneFlippedBit_Differs()
    {
        byte[] data = new byte[40];
        new DeterministicRandom(13).Fill(data);
        uint whole = Crc32C.Compute(data);
        for (int bit = 0; bit < data.Length * 8; bit++)
        {
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(whole, Crc32C.Compute(data));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    private static uint Bitwise(ReadOnlySpan<byte> data)
    {
        uint state = uint.MaxValue;
        foreach (byte b in data)
        {
            state ^= b;
            for (int i = 0; i < 8; i++)
            {
                state = (state & 1) == 0 ? state >> 1 : (state >> 1) ^ 0x82F63B78;
            }
        }

        return ~state;
    }
}
