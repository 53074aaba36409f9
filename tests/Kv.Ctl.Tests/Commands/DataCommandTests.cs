using System.Text;
using Kv.Base;
using Kv.Client;
using Kv.Ctl.Tests.Fakes;

namespace Kv.Ctl.Tests.Commands;

public sealed class DataCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvctl-data-").FullName;
    private readonly CtlRun _ctl = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task PutGetDelete_OfAKey_DoWhatTheySay()
    {
        Assert.Equal(0, (await _ctl.RunAsync("put", "greeting", "hello")).ExitCode);
        CtlResult got = await _ctl.RunAsync("get", "greeting");
        Assert.Equal(("hello\n", 0), (got.Output, got.ExitCode));
        Assert.Equal(0, (await _ctl.RunAsync("delete", "greeting")).ExitCode);
        (await _ctl.RunAsync("get", "greeting")).FailedWith(3, "no key greeting");
        Assert.Equal(0, (await _ctl.RunAsync("delete", "greeting")).ExitCode);
        Assert.True(_ctl.Data.IsDisposed);
    }

    /// <summary>Whatever get and scan print, put takes back as the same bytes, in every output format.</summary>
    [Theory]
    [InlineData("plain")]
    [InlineData("table")]
    [InlineData("json")]
    public async Task WhatIsPrinted_GivenBackOnTheCommandLine_IsTheSameBytes(string format)
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        for (int i = 0; i < 200; i++)
        {
            byte[] key = [.. RandomRows.Bytes(random, lengthMax: 10), (byte)('a' + (i % 26))];
            byte[] value = RandomRows.Bytes(random, lengthMax: 20);
            var first = new CtlRun();
            first.Data.Set(key, value);
            string line = (await first.RunAsync("scan", "--output", format)).Output;
            (string keyText, string valueText) = format switch
            {
                "json" => Json(line),
                "plain" => (line.TrimEnd('\n').Split('\t')[0], line.TrimEnd('\n').Split('\t')[1]),
                _ => TableRow(line),
            };
            if (format != "json")
            {
                Assert.Equal(valueText + "\n", (await first.RunAsync("get", keyText, "--output", format)).Output);
            }

            var second = new CtlRun();
            CtlResult put = await second.RunAsync("put", keyText, valueText);

            Assert.True(put.ExitCode == 0, $"seed {seed}, run {i}: {put.Error}");
            Assert.Equal([(key, value)], second.Data.Rows(), RowComparer.Instance);
        }
    }

    [Fact]
    public async Task Put_FromStandardInputOrAFile_TakesTheBytesAsTheyAre()
    {
        byte[] bytes = [0, 1, 10, 255, 48, 120];
        _ctl.Input = bytes;
        string path = Path.Combine(_folder, "value");
        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);

        Assert.Equal(0, (await _ctl.RunAsync("put", "a", "-")).ExitCode);
        Assert.Equal(0, (await _ctl.RunAsync("put", "b", "--file", path)).ExitCode);

        Assert.Equal(bytes, _ctl.Data["a"]);
        Assert.Equal(bytes, _ctl.Data["b"]);
        Assert.Equal(bytes, (await _ctl.RunAsync("get", "a", "--raw")).OutputBytes);
    }

    [Fact]
    public async Task Put_WithoutOrWithTwoValues_IsAUsageError()
    {
        (await _ctl.RunAsync("put", "a")).FailedWith(2, "--file", "kvctl put --help");
        (await _ctl.RunAsync("put", "a", "v", "--file", "f")).FailedWith(2, "only one of them");
    }

    [Fact]
    public async Task Put_ValueOverWhatAnyClusterTakes_IsRefusedWithoutSending()
    {
        _ctl.Input = new byte[(8 * 1024 * 1024) + 1];

        (await _ctl.RunAsync("put", "a", "-")).FailedWith(2, "standard input", "8388608");
        Assert.Null(_ctl.Connection);
    }

    [Fact]
    public async Task Put_EmptyKey_SaysWhatIsWrong() =>
        (await _ctl.RunAsync("put", "", "v")).FailedWith(2, "the key is empty");

    [Fact]
    public async Task Put_BrokenForm_NamesTheArgument()
    {
        (await _ctl.RunAsync("put", "0xz", "v")).FailedWith(2, "key:", "0xz", "text:0xz");
        (await _ctl.RunAsync("put", "k", "b64:!")).FailedWith(2, "value:", "b64:!");
    }

    [Fact]
    public async Task Put_KeysThatLookLikeOptions_AreKeys()
    {
        Assert.Equal(0, (await _ctl.RunAsync("put", "/?", "1")).ExitCode);
        Assert.Equal(0, (await _ctl.RunAsync("put", "@file", "2")).ExitCode);
        Assert.Equal(0, (await _ctl.RunAsync("put", "text:--help", "3")).ExitCode);
        Assert.Equal(["--help", "/?", "@file"], _ctl.Data.Rows().Select(row => Encoding.UTF8.GetString(row.Key)));
    }

    [Theory]
    [InlineData(typeof(KvUndeterminedException), 4, "read the key before writing again")]
    [InlineData(typeof(KvUnavailableException), 1, "--seeds")]
    [InlineData(typeof(KvTimeoutException), 1, "--timeout")]
    public async Task Put_Failures_HaveTheirExitCodeAndAdvice(Type type, int exitCode, string advice)
    {
        _ctl.Data.BeforePut = (_, _) => throw type.Name switch
        {
            nameof(KvUndeterminedException) => new KvUndeterminedException("first line\nsecond line"),
            nameof(KvUnavailableException) => new KvUnavailableException("first line\nsecond line"),
            _ => new KvTimeoutException("first line\nsecond line"),
        };

        (await _ctl.RunAsync("put", "a", "v")).FailedWith(exitCode, "first line second line", advice);
    }

    [Fact]
    public async Task Scan_Ranges_AreStartInclusiveEndExclusive()
    {
        foreach (string key in (string[])["a", "b", "ba", "bb", "c"])
        {
            _ctl.Data[key] = "v"u8.ToArray();
        }

        Assert.Equal("b\tv\nba\tv\nbb\tv\n", (await _ctl.RunAsync("scan", "--start", "b", "--end", "c")).Output);
        Assert.Equal("bb\nba\nb\n", (await _ctl.RunAsync("scan", "--prefix", "b", "--reverse", "--keys-only")).Output);
        Assert.Equal("a\nb\n", (await _ctl.RunAsync("scan", "--limit", "2", "-k")).Output);
        Assert.Equal("c\n", (await _ctl.RunAsync("scan", "--start", "c", "--end", "text:", "-k")).Output);
        Assert.Equal("""{"key":"a"}""" + "\n", (await _ctl.RunAsync("scan", "--end", "b", "-k", "-o", "json")).Output);
    }

    [Fact]
    public async Task Scan_TableOfManyRows_SaysThatThereAreMoreAndWhereToGoOn()
    {
        for (int i = 0; i < 150; i++)
        {
            _ctl.Data[$"k{i:000}"] = [];
        }

        CtlResult result = await _ctl.RunAsync("scan", "-o", "table", "-k");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("k099", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("k100", result.Output, StringComparison.Ordinal);
        Assert.Contains("--start k100", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scan_StartBehindEnd_SaysSwap() =>
        (await _ctl.RunAsync("scan", "--start", "b", "--end", "a")).FailedWith(2, "start b", "end a", "swap");

    [Fact]
    public async Task Scan_PrefixWithStart_IsAUsageError() =>
        (await _ctl.RunAsync("scan", "--prefix", "b", "--start", "a")).FailedWith(2, "--prefix");

    private static (string Key, string Value) Json(string line)
    {
        using var document = System.Text.Json.JsonDocument.Parse(line);
        return (document.RootElement.GetProperty("key").GetString()!,
            document.RootElement.GetProperty("value").GetString()!);
    }

    // The row behind the heading: "│ key │ value │". No test value holds the border character.
    private static (string Key, string Value) TableRow(string table)
    {
        string[] cells = table.Split('\n')[3].Split('│');
        Assert.Equal(4, cells.Length);
        return (cells[1][1..].TrimEnd(' '), cells[2][1..].TrimEnd(' '));
    }
}
