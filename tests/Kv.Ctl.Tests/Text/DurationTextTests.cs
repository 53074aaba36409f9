using Kv.Ctl.Text;

namespace Kv.Ctl.Tests.Text;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("10s", 10_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("3", 3_000)]
    [InlineData("2m", 120_000)]
    [InlineData("24h", 86_400_000)]
    public void Parse_Duration_IsUnderstood(string text, double ms) =>
        Assert.Equal(ms, DurationText.Parse(text).TotalMilliseconds);

    [Theory]
    [InlineData("")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("25h")]
    [InlineData("1e9")]
    [InlineData("soon")]
    [InlineData("NaN")]
    public void Parse_NoDuration_SaysWhatIsOne(string text) =>
        Assert.Contains(
            "250ms", Assert.Throws<FormatException>(() => DurationText.Parse(text)).Message, StringComparison.Ordinal);
}
