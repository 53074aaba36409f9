using Kv.Base;

namespace Kv.Protocol.Tests;

public sealed class AuxRecordTests
{
    [Fact]
    public void Sequence_IsTheseBytes_AndReadsBack()
    {
        byte[] record = AuxRecord.OfSequence(0x0102);

        Assert.Equal("01010201000000000000", Convert.ToHexString(record));
        Assert.Equal(0x0102, AuxRecord.ReadSequence(record));
        Assert.Equal(long.MaxValue, AuxRecord.ReadSequence(AuxRecord.OfSequence(long.MaxValue)));
    }

    [Fact]
    public void NoRecord_IsASequenceThatBegins() => Assert.Equal(0, AuxRecord.ReadSequence([]));

    [Theory]
    [InlineData("01")]
    [InlineData("010102010000000000")]
    [InlineData("0101020100000000000000")]
    [InlineData("02010201000000000000")]
    [InlineData("01030201000000000000")]
    [InlineData("010102010000000000FF")]
    public void ForeignRecord_IsRefused(string bytes) =>
        Assert.Throws<MalformedDataException>(() => AuxRecord.ReadSequence(Convert.FromHexString(bytes)));
}
