using System.Text;
using Kv.Base;
using Kv.Ctl.Text;

namespace Kv.Ctl.Tests.Text;

public sealed class ByteTextTests
{
    [Theory]
    [InlineData("hello", "hello")]
    [InlineData("T:System.String", "T:System.String")]
    [InlineData("grüße 🙂", "grüße 🙂")]
    [InlineData("", "text:")]
    [InlineData("-", "text:-")]
    [InlineData("--help", "text:--help")]
    [InlineData("0xcafe", "text:0xcafe")]
    [InlineData("b64:", "text:b64:")]
    [InlineData("text:a", "text:text:a")]
    [InlineData(" a", "text: a")]
    [InlineData("a ", "0x6120")]
    [InlineData(" ", "0x20")]
    [InlineData("a b", "a b")]
    [InlineData("a\nb", "0x610a62")]
    [InlineData("a\tb", "0x610962")]
    [InlineData("a\u00a0b", "0x61c2a062")]
    [InlineData("\u202eab", "0xe280ae6162")]
    [InlineData("\ufeffab", "0xefbbbf6162")]
    public void Format_OnALine_IsTheReadableForm(string text, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);

        string form = ByteText.Format(bytes);

        Assert.Equal(expected, form);
        Assert.Equal(bytes, ByteText.Parse(form));
    }

    [Theory]
    [InlineData("a\nb", "a\nb")]
    [InlineData("\n<summary>x</summary>\n", "text:\n<summary>x</summary>\n")]
    [InlineData("a\0b", "0x610062")]
    public void Format_InJson_KeepsTextThatJsonEscapes(string text, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);

        string form = ByteText.Format(bytes, TextCarrier.Json);

        Assert.Equal(expected, form);
        Assert.Equal(bytes, ByteText.Parse(form));
    }

    [Theory]
    [InlineData("0x", new byte[0])]
    [InlineData("0xCAfe", new byte[] { 0xca, 0xfe })]
    [InlineData("b64:", new byte[0])]
    [InlineData("b64:yv4=", new byte[] { 0xca, 0xfe })]
    [InlineData("text:0x", new byte[] { 0x30, 0x78 })]
    [InlineData("", new byte[0])]
    public void Parse_EachForm_GivesItsBytes(string text, byte[] expected) =>
        Assert.Equal(expected, ByteText.Parse(text));

    [Theory]
    [InlineData("0xabc", "text:0xabc")]
    [InlineData("0xzz", "text:0xzz")]
    [InlineData("b64:***", "text:b64:***")]
    [InlineData("b64:yv4", "text:b64:yv4")]
    public void Parse_BrokenForm_SaysHowToMeanTheText(string text, string advice)
    {
        FormatException error = Assert.Throws<FormatException>(() => ByteText.Parse(text));

        Assert.Contains(advice, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Parse_HalfACharacter_IsRefused() => Assert.Throws<FormatException>(() => ByteText.Parse("a\ud800b"));

    [Fact]
    public void Format_RandomBytes_AreReadBackAsTheSame()
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = RandomRows.Bytes(random, lengthMax: 24);
            foreach (TextCarrier carrier in Enum.GetValues<TextCarrier>())
            {
                string form = ByteText.Format(bytes, carrier);
                Assert.True(
                    bytes.AsSpan().SequenceEqual(ByteText.Parse(form)),
                    $"seed {seed}, run {i}: {Convert.ToHexString(bytes)} became {form}");
            }

            Assert.DoesNotContain(ByteText.Format(bytes), char.IsControl);
        }
    }
}
