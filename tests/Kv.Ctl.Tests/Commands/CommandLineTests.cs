using Kv.Ctl.Commands;
using Kv.Ctl.Tests.Fakes;

namespace Kv.Ctl.Tests.Commands;

public sealed class CommandLineTests
{
    private readonly CtlRun _ctl = new();

    [Theory]
    [InlineData("", "kvctl --help")]
    [InlineData("frobnicate", "'frobnicate'")]
    [InlineData("get", "kvctl get --help")]
    [InlineData("region show", "kvctl region show --help")]
    [InlineData("region show x", "region: 'x' is no id")]
    [InlineData("exists a b", "'b'")]
    [InlineData("get a --output xml", "'xml'")]
    [InlineData("get a --timeout soon", "--timeout: 'soon'")]
    [InlineData("get a --seeds localhost", "seed 'localhost'")]
    [InlineData("get a --seeds ,", "no seed")]
    [InlineData("scan --limit -1", "--limit: '-1'")]
    [InlineData("import f --concurrency 0", "--concurrency: '0'")]
    [InlineData("cluster init", "--founders")]
    [InlineData("cluster init --founders a:1,b:2", "2 stores")]
    [InlineData("cluster init --founders a:1,a:1,b:2", "each once")]
    [InlineData("cluster init --founders here", "founder 'here'")]
    [InlineData("cluster init --founders a:1 --split-key 0xq", "--split-key: '0xq'")]
    [InlineData("playground --stores 2", "odd number")]
    [InlineData("export - --resume", "standard output")]
    public async Task WrongUsage_IsOneLineWithAHintAndExitCode2(string line, string part)
    {
        CtlResult result = await _ctl.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        result.FailedWith(2, part, "--help'");
        Assert.Equal("", result.Output);
        Assert.Null(_ctl.Connection);
    }

    [Fact]
    public async Task Help_OfEachCommand_DescribesItself()
    {
        string root = (await _ctl.RunAsync("--help")).Output;
        foreach (string command in (string[])
            ["put", "get", "delete", "scan", "import", "export", "cluster init", "cluster status", "store list",
                "region list",
                "region show", "region transfer-leader", "playground"])
        {
            Assert.Contains(command.Split(' ')[0], root, StringComparison.Ordinal);
            CtlResult help = await _ctl.RunAsync([.. command.Split(' '), "--help"]);
            Assert.Equal(0, help.ExitCode);
            Assert.Contains("Usage:", help.Output, StringComparison.Ordinal);
            Assert.Contains("--seeds", help.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Seeds_AreTheOptionElseTheVariableElseTheDefault()
    {
        await _ctl.RunAsync("get", "a");
        Assert.Equal([GlobalOptions.DefaultSeed], _ctl.Connection!.Seeds);
        Assert.Equal(TimeSpan.FromSeconds(10), _ctl.Connection.Timeout);

        _ctl.Variables["KVCTL_SEEDS"] = "one:1,two:2";
        await _ctl.RunAsync("get", "a");
        Assert.Equal(["one:1", "two:2"], _ctl.Connection.Seeds);

        await _ctl.RunAsync("get", "a", "-s", "three:3, [::1]:4", "--timeout", "2s");
        Assert.Equal(["three:3", "[::1]:4"], _ctl.Connection.Seeds);
        Assert.Equal(TimeSpan.FromSeconds(2), _ctl.Connection.Timeout);

        _ctl.Variables["KVCTL_SEEDS"] = "nonsense";
        (await _ctl.RunAsync("get", "a")).FailedWith(2, "'nonsense'");
    }

    [Fact]
    public async Task Output_WithoutTheOption_IsATableOnlyOnATerminal()
    {
        _ctl.Data["a"] = "1"u8.ToArray();
        Assert.Equal("a\t1\n", (await _ctl.RunAsync("scan")).Output);

        _ctl.IsOutputTerminal = true;
        Assert.Contains("key", (await _ctl.RunAsync("scan")).Output, StringComparison.Ordinal);
    }
}
