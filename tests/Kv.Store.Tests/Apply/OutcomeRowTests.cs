using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Store.Apply;

namespace Kv.Store.Tests.Apply;

public sealed class OutcomeRowTests
{
    private static readonly CommandIdentity Identity = new(new SessionId(3, 4), 5, 1_000, 2);

    [Fact]
    public void PlainOutcomes_AreFormat1()
    {
        var writer = new OutcomeRowWriter();
        writer.Add(Identity, "a"u8, "a"u8, 7, endsBeforeLast: false, result: null);
        writer.Add(Identity, "a"u8, "b"u8, 8, endsBeforeLast: false, result: null);

        string row = Convert.ToHexString(writer.End(_ => (2, 1_000)));

        Assert.Equal("01" + "01" + "00000000000000030000000000000004" + "02E807" + "02"
            + "0005E80707" + "016100" + "0005E80708" + "0161010162", row);
    }

    [Fact]
    public void AnOutcomeWithARangeOrAResult_MakesFormat2_AndTheNextRowIsPlainAgain()
    {
        byte[] row = GuardedRow(out OutcomeRowWriter writer);
        Assert.Equal("02" + "01" + "00000000000000030000000000000004" + "02E807" + "03"
            + "0005E80707" + "016100" + "0005E80708" + "0161030162" + "0005E80709" + "0161040201FF",
            Convert.ToHexString(row));
        Assert.Equal(["5 7 61 61 False ", "5 8 61 62 True ", "5 9 61 61 False 01FF"], Read(row));

        writer.Add(Identity, "a"u8, "a"u8, 7, endsBeforeLast: false, result: null);
        Assert.Equal(1, writer.End(_ => (2, 1_000))[0]);
    }

    [Fact]
    public void Read_CutAtAnyByte_IsMalformed()
    {
        byte[] row = GuardedRow(out _);
        for (int length = 0; length < row.Length; length++)
        {
            Assert.Throws<MalformedDataException>(() => Read(row.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Read_UnknownFormatOrFlag_IsMalformed()
    {
        byte[] row = GuardedRow(out _);
        row[0] = 3;
        Assert.Throws<MalformedDataException>(() => Read(row));
        row[0] = 1;
        Assert.Throws<MalformedDataException>(() => Read(row));
        row[0] = 2;
        row[^4] = 8;
        Assert.Throws<MalformedDataException>(() => Read(row));
    }

    private static byte[] GuardedRow(out OutcomeRowWriter writer)
    {
        writer = new OutcomeRowWriter();
        writer.Add(Identity, "a"u8, "a"u8, 7, endsBeforeLast: false, result: null);
        writer.Add(Identity, "a"u8, "b"u8, 8, endsBeforeLast: true, result: null);
        writer.Add(Identity, "a"u8, "a"u8, 9, endsBeforeLast: false, result: [1, 255]);
        return writer.End(_ => (2, 1_000)).ToArray();
    }

    private static List<string> Read(ReadOnlySpan<byte> row)
    {
        var outcomes = new List<string>();
        OutcomeRowReader.Read(
            row,
            (_, mark, stamp) => Assert.Equal((2UL, 1_000UL), (mark, stamp)),
            (_, sequence, _, revision, first, last, ends, result) => outcomes.Add(
                $"{sequence} {revision} {Convert.ToHexString(first)} {Convert.ToHexString(last)} {ends} "
                + Convert.ToHexString(result)));
        return outcomes;
    }
}
