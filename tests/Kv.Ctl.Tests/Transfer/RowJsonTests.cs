using System.Buffers;
using System.Text;
using Kv.Base;
using Kv.Ctl.Data;
using Kv.Ctl.Transfer;
using Kv.Protocol;

namespace Kv.Ctl.Tests.Transfer;

public sealed class RowJsonTests
{
    [Fact]
    public void Write_RandomRows_AreReadBackAsTheSame()
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        for (int i = 0; i < 5_000; i++)
        {
            byte[] key = [(byte)'k', .. RandomRows.Bytes(random, lengthMax: 30)];
            byte[] value = RandomRows.Bytes(random, lengthMax: 60);
            var line = new ArrayBufferWriter<byte>();

            RowJson.Write(line, key, value);

            ReadOnlySpan<byte> text = line.WrittenSpan;
            Assert.Equal((byte)'\n', text[^1]);
            Assert.Equal(-1, text[..^1].IndexOf((byte)'\n'));
            Assert.True(
                RowJson.TryParse(text[..^1], out KeyValueRow row, out string? error), $"seed {seed}, run {i}: {error}");
            Assert.Equal(key, row.Key.ToArray());
            Assert.Equal(value, row.Value.ToArray());
        }
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("{", "not JSON")]
    [InlineData("[]", "not an object")]
    [InlineData("{}", "\"key\" is missing")]
    [InlineData("""{"key":"a"}""", "\"value\" is missing")]
    [InlineData("""{"key":"","value":"v"}""", "empty")]
    [InlineData("""{"key":"a","value":1}""", "\"value\" is not a string")]
    [InlineData("""{"key":"a","key":"b","value":"v"}""", "\"key\" twice")]
    [InlineData("""{"key":"a","value":"v","ttl":"1"}""", "'ttl'")]
    [InlineData("""{"key":"0xa","value":"v"}""", "hexadecimal")]
    [InlineData("""{"key":"a","value":"\ud800"}""", "not JSON")]
    [InlineData("""{"key":"a","value":"v"} x""", "not JSON")]
    public void TryParse_BadLine_SaysWhy(string line, string reason)
    {
        Assert.False(RowJson.TryParse(Encoding.UTF8.GetBytes(line), out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Limits.KeyBytesCeiling, 1, true)]
    [InlineData(Limits.KeyBytesCeiling + 1, 1, false)]
    [InlineData(1, Limits.ValueBytesCeiling, true)]
    [InlineData(1, Limits.ValueBytesCeiling + 1, false)]
    public void TryParse_AtTheLimits_IsDecidedByTheByte(int keyBytes, int valueBytes, bool isGood)
    {
        byte[] line = Encoding.UTF8.GetBytes(
            $$"""{"key":"{{new string('k', keyBytes)}}","value":"{{new string('v', valueBytes)}}"}""");

        Assert.Equal(isGood, RowJson.TryParse(line, out _, out _));
    }
}
