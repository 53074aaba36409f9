using System.Buffers;

namespace Kv.Base.Tests;

public sealed class SpanReaderTests
{
    public static TheoryData<ulong, string> VarIntVectors => new()
    {
        { 0, "00" },
        { 1, "01" },
        { 127, "7f" },
        { 128, "8001" },
        { 300, "ac02" },
        { 16_383, "ff7f" },
        { 16_384, "808001" },
        { uint.MaxValue, "ffffffff0f" },
        { long.MaxValue, "ffffffffffffffff7f" },
        { 1UL << 63, "80808080808080808001" },
        { ulong.MaxValue, "ffffffffffffffffff01" },
    };

    [Theory]
    [MemberData(nameof(VarIntVectors))]
    public void VarUInt64_KnownVector_IsWrittenAndRead(ulong value, string hex)
    {
        byte[] bytes = Write((in SpanWriter writer) => writer.WriteVarUInt64(value));
        Assert.Equal(hex, Convert.ToHexStringLower(bytes));
        Assert.Equal(bytes.Length, SpanWriter.VarUInt64Length(value));

        var reader = new SpanReader(bytes);
        Assert.Equal(value, reader.ReadVarUInt64());
        reader.ExpectEnd();
    }

    [Fact]
    public void VarUInt64Length_Largest_IsTheNamedMaximum() =>
        Assert.Equal(SpanWriter.VarUInt64BytesMax, SpanWriter.VarUInt64Length(ulong.MaxValue));

    [Theory]
    [InlineData("", "1 bytes wanted, 0 are left")]
    [InlineData("80", "1 bytes wanted, 0 are left")]
    [InlineData("ffffffffffffffffff02", "overflows 64 bits")]
    [InlineData("ffffffffffffffffff7f", "overflows 64 bits")]
    [InlineData("8080808080808080808001", "overflows 64 bits")]
    [InlineData("ffffffffffffffffffffff01", "overflows 64 bits")]
    public void ReadVarUInt64_CutLongOrOverflowing_IsMalformed(string hex, string says)
    {
        MalformedDataException exception = Assert.Throws<MalformedDataException>(
            () => new SpanReader(Convert.FromHexString(hex)).ReadVarUInt64());
        Assert.Contains(says, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FixedIntegers_AreLittleEndian()
    {
        byte[] bytes = Write((in SpanWriter writer) =>
        {
            writer.WriteByte(0xAB);
            writer.WriteUInt32(0x01020304);
            writer.WriteUInt64(0x0102030405060708);
            writer.WriteInt64(-2);
        });
        Assert.Equal("ab" + "04030201" + "0807060504030201" + "feffffffffffffff", Convert.ToHexStringLower(bytes));

        var reader = new SpanReader(bytes);
        Assert.Equal(0xAB, reader.ReadByte());
        Assert.Equal(0x01020304U, reader.ReadUInt32());
        Assert.Equal(0x0102030405060708UL, reader.ReadUInt64());
        Assert.Equal(-2, reader.ReadInt64());
        Assert.True(reader.AtEnd);
    }

    [Fact]
    public void Read_OfEveryFixedWidthFromTooFewBytes_IsMalformed()
    {
        Assert.Throws<MalformedDataException>(() => new SpanReader([]).ReadByte());
        Assert.Throws<MalformedDataException>(() => new SpanReader(new byte[3]).ReadUInt32());
        Assert.Throws<MalformedDataException>(() => new SpanReader(new byte[7]).ReadUInt64());
        Assert.Throws<MalformedDataException>(() => new SpanReader(new byte[7]).ReadInt64());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(200, 200)]
    public void ReadVarInt32_UpToItsMaximum_IsRead(int value, int max)
    {
        byte[] bytes = Write((in SpanWriter writer) => writer.WriteVarUInt64((ulong)value));
        Assert.Equal(value, new SpanReader(bytes).ReadVarInt32(max));
    }

    [Theory]
    [InlineData(1UL, 0)]
    [InlineData(201UL, 200)]
    [InlineData(ulong.MaxValue, int.MaxValue)]
    [InlineData(1UL << 32, int.MaxValue)]
    public void ReadVarInt32_AboveItsMaximum_IsMalformed(ulong value, int max)
    {
        byte[] bytes = Write((in SpanWriter writer) => writer.WriteVarUInt64(value));
        MalformedDataException exception = Assert.Throws<MalformedDataException>(
            () => new SpanReader(bytes).ReadVarInt32(max));
        Assert.Contains($"{value} is above {max}", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadBytes_EmptyAndFull_PointIntoTheSource()
    {
        byte[] bytes = Write((in SpanWriter writer) =>
        {
            writer.WriteBytes([]);
            writer.WriteBytes([1, 2, 3]);
            writer.WriteRaw([9]);
        });
        var reader = new SpanReader(bytes);
        Assert.True(reader.ReadBytes().IsEmpty);
        ReadOnlySpan<byte> read = reader.ReadBytes();
        Assert.Equal([1, 2, 3], read.ToArray());
        Assert.True(read.Overlaps(bytes));
        Assert.Equal(1, reader.Remaining);
        Assert.Equal([9], reader.Rest.ToArray());
    }

    /// <summary>A length is a claim: however large, it must cost neither memory nor a read past the end.</summary>
    [Theory]
    [InlineData(4UL)]
    [InlineData((ulong)int.MaxValue)]
    [InlineData(1UL + int.MaxValue)]
    [InlineData((ulong)uint.MaxValue)]
    [InlineData(1UL << 32)]
    [InlineData(ulong.MaxValue)]
    public void ReadBytes_LengthPastTheEnd_IsMalformedWithoutAllocating(ulong length)
    {
        byte[] bytes = Write((in SpanWriter writer) =>
        {
            writer.WriteVarUInt64(length);
            writer.WriteRaw([1, 2, 3]);
        });
        long before = GC.GetAllocatedBytesForCurrentThread();
        MalformedDataException exception = Assert.Throws<MalformedDataException>(
            () => new SpanReader(bytes).ReadBytes());
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
        Assert.Contains($"length {length} runs past the end, 3 bytes are left", exception.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    [InlineData(int.MinValue)]
    public void Take_OutsideWhatIsLeft_IsMalformed(int count) =>
        Assert.Throws<MalformedDataException>(() => new SpanReader([1, 2, 3]).Take(count));

    [Fact]
    public void ExpectEnd_WithBytesLeft_IsMalformed()
    {
        new SpanReader([]).ExpectEnd();
        MalformedDataException exception = Assert.Throws<MalformedDataException>(
            () => new SpanReader([1, 2]).ExpectEnd());
        Assert.Contains("2 bytes follow", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(20_260_101UL)]
    public void WriteThenRead_RandomSequences_GiveBackWhatWasWritten(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        for (int round = 0; round < 200; round++)
        {
            var model = new List<(ulong Number, byte[] Bytes)>();
            var output = new ArrayBufferWriter<byte>();
            var writer = new SpanWriter(output);
            for (int i = random.Next(20); i > 0; i--)
            {
                byte[] bytes = new byte[random.Next(300)];
                random.Fill(bytes);
                ulong number = random.NextUInt64() >> random.Next(64);
                model.Add((number, bytes));
                writer.WriteVarUInt64(number);
                writer.WriteBytes(bytes);
            }

            var reader = new SpanReader(output.WrittenSpan);
            foreach ((ulong number, byte[] bytes) in model)
            {
                Assert.Equal(number, reader.ReadVarUInt64());
                Assert.Equal(bytes, reader.ReadBytes().ToArray());
            }

            reader.ExpectEnd();
        }
    }

    /// <summary>
    /// Whatever the bytes are, reading them ends: with a value or with the one exception that says why not.
    /// </summary>
    [Theory]
    [InlineData(3UL)]
    [InlineData(4UL)]
    public void Read_RandomBytes_EndsOrIsMalformed(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        int malformed = 0;
        for (int round = 0; round < 5_000; round++)
        {
            byte[] bytes = new byte[random.Next(40)];
            random.Fill(bytes);
            try
            {
                var reader = new SpanReader(bytes);
                while (!reader.AtEnd)
                {
                    reader.ReadBytes();
                    reader.ReadVarInt32(1_000);
                    reader.ReadUInt32();
                }
            }
            catch (MalformedDataException)
            {
                malformed++;
            }
        }

        Assert.True(malformed > 1_000, $"seed {seed}: only {malformed} of 5000 were malformed");
    }

    private delegate void WriteAction(in SpanWriter writer);

    private static byte[] Write(WriteAction write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(new SpanWriter(output));
        return output.WrittenSpan.ToArray();
    }
}
