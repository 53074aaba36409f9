using Kv.Client;
using Kv.Ctl.Tests.Fakes;

namespace Kv.Ctl.Tests.Commands;

public sealed class GuardedCommandTests
{
    private readonly CtlRun _ctl = new();

    [Fact]
    public async Task Exists_SaysSoAndInItsExitCode()
    {
        _ctl.Data["a"] = [];

        CtlResult there = await _ctl.RunAsync("exists", "a");
        CtlResult missing = await _ctl.RunAsync("exists", "b");

        Assert.Equal(("exists\ttrue\n", 0), (there.Output, there.ExitCode));
        Assert.Equal(("exists\tfalse\n", 3, ""), (missing.Output, missing.ExitCode, missing.Error));
    }

    [Fact]
    public async Task Get_SeveralKeys_PrintsThemInTheirOrder_AndFailsNamingWhatIsMissing()
    {
        _ctl.Data["a"] = "1"u8.ToArray();
        _ctl.Data["b"] = "2"u8.ToArray();

        CtlResult all = await _ctl.RunAsync("get", "b", "a", "b");
        CtlResult some = await _ctl.RunAsync("get", "a", "nope", "b");

        Assert.Equal(("b\t2\na\t1\nb\t2\n", 0), (all.Output, all.ExitCode));
        Assert.Equal("a\t1\nb\t2\n", some.Output);
        some.FailedWith(3, "no key nope");
        Assert.Contains(
            "\"key\": \"a\"", (await _ctl.RunAsync("get", "a", "b", "-o", "json")).Output, StringComparison.Ordinal);
        (await _ctl.RunAsync("get", "a", "b", "--raw")).FailedWith(2, "--raw is for one key");
        (await _ctl.RunAsync("get", "a", "0xz")).FailedWith(2, "key:", "0xz");
        (await _ctl.RunAsync("get")).FailedWith(2, "get");
    }

    [Fact]
    public async Task Get_Revision_CanBeExpectedByPut()
    {
        Assert.Equal(0, (await _ctl.RunAsync("put", "a", "1", "--if-absent")).ExitCode);
        Assert.Equal("a\t1\t1\n", (await _ctl.RunAsync("get", "a", "--revision")).Output);

        Assert.Equal(0, (await _ctl.RunAsync("put", "a", "2", "--expect-revision", "1")).ExitCode);
        (await _ctl.RunAsync("put", "a", "3", "--expect-revision", "1"))
            .FailedWith(5, "key a is not as expected", "its value is 2", "revision 2", "nothing was changed");
        Assert.Equal("2"u8.ToArray(), _ctl.Data["a"]);
    }

    [Theory]
    [InlineData("--if-absent")]
    [InlineData("--expect-absent")]
    public async Task Put_IfAbsent_PutsOnce(string option)
    {
        CtlResult first = await _ctl.RunAsync("put", "a", "1", option);
        Assert.Equal(("key\ta\nrevision\t1\n", 0), (first.Output, first.ExitCode));
        (await _ctl.RunAsync("put", "a", "2", option)).FailedWith(5, "its value is 1");
        Assert.Equal(KvExpectation.Absent, _ctl.Data.LastExpectation);
    }

    [Fact]
    public async Task PutAndDelete_ExpectValue_TakeValuesAsValuesAreWritten()
    {
        _ctl.Data["a"] = [0xCA, 0xFE];

        (await _ctl.RunAsync("put", "a", "x", "--expect-value", "0xcaff")).FailedWith(5, "its value is 0xcafe");
        Assert.Equal(0, (await _ctl.RunAsync("put", "a", "x", "--expect-value", "0xcafe")).ExitCode);
        (await _ctl.RunAsync("delete", "a", "--expect-value", "y")).FailedWith(5, "its value is x");
        Assert.Equal(0, (await _ctl.RunAsync("delete", "a", "--expect-value", "x")).ExitCode);
        (await _ctl.RunAsync("delete", "a", "--expect-revision", "7")).FailedWith(5, "key a does not exist");
        _ctl.Data["b"] = [];
        Assert.Equal(0, (await _ctl.RunAsync("delete", "b", "--expect-value", "")).ExitCode);
    }

    [Fact]
    public async Task Expectations_ThatMakeNoSense_AreUsageErrors()
    {
        (await _ctl.RunAsync("put", "a", "x", "--expect-value", "1", "--expect-revision", "2"))
            .FailedWith(2, "one thing only");
        (await _ctl.RunAsync("put", "a", "x", "--expect-value", "1", "--if-absent")).FailedWith(2, "one thing only");
        (await _ctl.RunAsync("put", "a", "x", "--expect-revision", "0")).FailedWith(2, "--expect-revision", "'0'");
        (await _ctl.RunAsync("put", "a", "x", "--expect-revision", "-1")).FailedWith(2);
        (await _ctl.RunAsync("put", "a", "x", "--expect-value", "0xz")).FailedWith(2, "--expect-value", "0xz");
        (await _ctl.RunAsync("delete", "a", "--expect-absent")).FailedWith(2, "--expect-absent");
        Assert.Null(_ctl.Connection);
    }

    [Fact]
    public async Task GetPut_PrintsWhatWasThere()
    {
        CtlResult first = await _ctl.RunAsync("getput", "a", "1");
        CtlResult second = await _ctl.RunAsync("getput", "a", "2");

        Assert.Equal(
            "key\ta\nexisted\tfalse\nvalue\t-\nrevision\t-\n", first.Output);
        Assert.Equal(
            "key\ta\nexisted\ttrue\nvalue\t1\nrevision\t1\n", second.Output);
        _ctl.Data.NextGuardedFailure = new KvResultDroppedException("applied, but lost", new WriteReceipt(1, 2));
        (await _ctl.RunAsync("getput", "a", "3")).FailedWith(1, "applied, but lost");
    }

    [Fact]
    public async Task DeleteRange_NeedsARangeAndYes_OrAll()
    {
        foreach (string key in (string[])["a", "b", "ba", "c"])
        {
            _ctl.Data[key] = [];
        }

        (await _ctl.RunAsync("delete-range")).FailedWith(2, "--all");
        (await _ctl.RunAsync("delete-range", "--yes")).FailedWith(2, "--all");
        (await _ctl.RunAsync("delete-range", "--prefix", "b")).FailedWith(2, "--yes");
        (await _ctl.RunAsync("delete-range", "--prefix", "b", "--all")).FailedWith(2, "--all is every key");
        (await _ctl.RunAsync("delete-range", "--start", "c", "--end", "a", "--yes")).FailedWith(2, "swap");
        (await _ctl.RunAsync("delete-range", "--prefix", "", "--yes")).FailedWith(2, "every key", "--all");
        (await _ctl.RunAsync("delete-range", "--start", "", "--end", "", "--yes")).FailedWith(2, "every key", "--all");
        Assert.Equal(4, _ctl.Data.Count);

        CtlResult some = await _ctl.RunAsync("delete-range", "--prefix", "b", "--yes");
        Assert.Equal(("regions\t3\n", 0), (some.Output, some.ExitCode));
        Assert.Equal(2, _ctl.Data.Count);
        Assert.Equal(0, (await _ctl.RunAsync("delete-range", "--all")).ExitCode);
        Assert.Equal(0, _ctl.Data.Count);
    }

    [Fact]
    public async Task DeleteRange_ThatEndsOnTheWay_SaysToRunItAgain()
    {
        _ctl.Data.NextGuardedFailure = new KvDeleteRangeException(
            "it ended at key m",
            new DeleteRangeResult { RegionCount = 1, Next = default, Finished = false },
            new KvTimeoutException("too late"));

        (await _ctl.RunAsync("delete-range", "--all")).FailedWith(1, "it ended at key m", "run it again");
    }

    [Fact]
    public async Task Sequence_NextGetReset()
    {
        Assert.Equal("start\t0\nend\t10\n", (await _ctl.RunAsync("sequence", "next", "s", "--count", "10")).Output);
        Assert.Equal("start\t10\nend\t11\n", (await _ctl.RunAsync("sequence", "next", "s")).Output);
        Assert.Equal("next\t11\n", (await _ctl.RunAsync("sequence", "get", "s")).Output);
        Assert.Equal("next\t5\nbefore\t11\n", (await _ctl.RunAsync("sequence", "reset", "s", "--to", "5")).Output);
        Assert.Equal("next\t0\nbefore\t5\n", (await _ctl.RunAsync("sequence", "reset", "s")).Output);
        (await _ctl.RunAsync("sequence", "next", "s", "--count", "0")).FailedWith(2, "--count", "'0'");
        (await _ctl.RunAsync("sequence", "next", "s", "--count", "-1")).FailedWith(2);
        (await _ctl.RunAsync("sequence", "reset", "s", "--to", "9223372036854775808")).FailedWith(2, "--to");
        _ctl.Data.NextGuardedFailure = new KvSequenceExhaustedException("it stands at 9");
        (await _ctl.RunAsync("sequence", "next", "s")).FailedWith(1, "it stands at 9");
    }
}
