namespace Kv.Placement.Tests;

public class PeerAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:7401", "127.0.0.1:7401")]
    [InlineData(" Host.Example.:007401 ", "host.example:7401")]
    [InlineData("[::1]:7401", "[::1]:7401")]
    [InlineData("::1:7401", null)]
    [InlineData("host", null)]
    [InlineData(":7401", null)]
    [InlineData("host:0", null)]
    [InlineData("host:65536", null)]
    [InlineData("host:-1", null)]
    [InlineData("http://host:1", null)]
    [InlineData("a b:1", null)]
    [InlineData("", null)]
    public void Address_HasOneSpelling(string given, string? expected) =>
        Assert.Equal(expected, PeerAddress.Normalise(given));
}
