using System.Text;
using Kv.Base;
using Kv.Client;
using Kv.Ctl.Tests.Fakes;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Tests.Transfer;

public sealed class ImportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvctl-import-").FullName;
    private readonly CtlRun _ctl = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Import_RowsOfEveryKind_ArePutByteForByte()
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        var expected = new SortedDictionary<byte[], byte[]>(KeyOrder.Instance);
        var text = new StringBuilder();
        for (int i = 0; i < 2_000; i++)
        {
            byte[] key = [(byte)random.Next(256), .. RandomRows.Bytes(random, lengthMax: 6)];
            byte[] value = RandomRows.Bytes(random, lengthMax: 40);
            expected[key] = value;
            text.Append(Line(key, value));
        }

        CtlResult result = await ImportAsync(text.ToString());

        Assert.Equal("", result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("imported\t2000", result.Output, StringComparison.Ordinal);
        Assert.Equal(expected.Select(row => (row.Key, row.Value)), _ctl.Data.Rows(), RowComparer.Instance);
    }

    [Fact]
    public async Task Import_LinesOfOneKey_LeaveTheLastOne()
    {
        _ctl.Data.BeforePut = async (_, _) => await Task.Yield();
        string lines = string.Concat(Enumerable.Range(1, 3_000).Select(i => Line($"k{i % 7}", $"v{i}")));

        CtlResult result = await ImportAsync(lines, "--concurrency", "32");

        Assert.Equal(0, result.ExitCode);
        for (int i = 2_994; i <= 3_000; i++)
        {
            Assert.Equal($"v{i}", Encoding.UTF8.GetString(_ctl.Data[$"k{i % 7}"]!));
        }
    }

    [Fact]
    public async Task Import_Concurrency_BoundsPutsUnderWay()
    {
        _ctl.Data.BeforePut = async (_, _) => await Task.Delay(1);

        await ImportAsync(
            string.Concat(Enumerable.Range(0, 200).Select(i => Line($"k{i}", "v"))), "--concurrency", "5");

        Assert.InRange(_ctl.Data.MostUnderWay, 2, 5);
    }

    [Fact]
    public async Task Import_BadLines_AreCountedNamedAndFailTheCommandAtTheEnd()
    {
        _ctl.Data.ValueBytesMax = 10;
        string lines = Line("a", "1") + "not json\n\n" + Line("b", "2") + """{"key":"c"}""" + "\n"
            + Line("d", "longer than ten") + Line("e", "5");

        CtlResult result = await ImportAsync(lines);

        Assert.Equal(1, result.ExitCode);
        Assert.Equal(["a", "b", "e"], Keys());
        string[] messages = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(messages, line => line.Contains("rows.jsonl:2: it is not JSON", StringComparison.Ordinal));
        Assert.Contains(messages, line =>
            line.Contains("rows.jsonl:5: \"value\" is missing", StringComparison.Ordinal));
        Assert.Contains(messages, line =>
            line.Contains("rows.jsonl:6: the value has 15 bytes", StringComparison.Ordinal));
        Assert.Contains("3 lines", messages[^1], StringComparison.Ordinal);
        Assert.Contains("bad\t3", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_ManyBadLines_AreNamedOnlyAtFirst()
    {
        CtlResult result = await ImportAsync(string.Concat(Enumerable.Repeat("x\n", 1_000)));

        Assert.Equal(1, result.ExitCode);
        Assert.Equal(22, result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("1,000 lines", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_FromStandardInput_Works()
    {
        _ctl.Input = Encoding.UTF8.GetBytes("\ufeff" + Line("a", "1"));

        Assert.Equal(0, (await _ctl.RunAsync("import", "-")).ExitCode);
        Assert.Equal(["a"], Keys());
    }

    [Fact]
    public async Task Import_OutcomeNotKnown_IsPutAgain()
    {
        int calls = 0;
        _ctl.Data.BeforePut = (_, _) => ++calls <= 2 ? throw new KvUndeterminedException("lost") : default;

        Assert.Equal(0, (await ImportAsync(Line("a", "1"))).ExitCode);
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task Import_OutcomeNeverKnown_StopsWithItsOwnExitCode()
    {
        _ctl.Data.BeforePut = (_, _) => throw new KvUndeterminedException("lost");

        (await ImportAsync(Line("a", "1"))).FailedWith(4, "line 1", "lost", "--resume");
    }

    [Fact]
    public async Task Import_ClusterLost_StopsAndSaysWhereAndHowToGoOn()
    {
        _ctl.Data.BeforePut = (key, _) =>
            Encoding.UTF8.GetString(key) == "k50" ? throw new KvUnavailableException("no store answers") : default;
        string lines = string.Concat(Enumerable.Range(1, 100).Select(i => Line($"k{i}", "v")));

        (await ImportAsync(lines, "--concurrency", "4")).FailedWith(1, "line 50", "no store answers", "--resume FILE");
    }

    /// <summary>
    /// An import that is stopped at any put and resumed, again and again, puts every line; no checkpoint passes a line
    /// that was not acknowledged; and what was done before a checkpoint is not done again.
    /// </summary>
    [Fact]
    public async Task Import_StoppedAnywhereAndResumed_PutsEveryLineAndCountsBadLinesOnce()
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        const int Count = 4_000;
        IEnumerable<string> lines = Enumerable.Range(1, Count)
            .Select(i => i % 100 == 0 ? "bad\n" : Line($"k{i:0000}", $"v{i}"));
        string path = WriteRows(string.Concat(lines));
        string checkpoint = Path.Combine(_folder, "checkpoint");
        int puts = 0;
        int stopAt = 0;
        var gate = new Lock();
        _ctl.Data.BeforePut = async (_, _) =>
        {
            await Task.Yield();
            lock (gate)
            {
                puts++;
                if (puts >= stopAt)
                {
                    throw new KvUnavailableException("gone");
                }
            }
        };
        CtlResult result;
        int runs = 0;
        do
        {
            puts = 0;
            stopAt = 200 + random.Next(800);
            runs++;
            Assert.True(runs < 100, $"seed {seed}: does not get on");
            result = await _ctl.RunAsync("import", path, "--resume", checkpoint, "--concurrency", "16");
            if (ImportCheckpoint.Load(checkpoint) is { } kept)
            {
                for (long line = 1; line <= kept.Line; line++)
                {
                    Assert.True(
                        line % 100 == 0 || _ctl.Data[$"k{line:0000}"] is not null,
                        $"seed {seed}: line {line} is not put, the checkpoint says {kept.Line}");
                }

                Assert.Equal(kept.Line / 100, kept.BadCount);
                Assert.Equal(kept.Line - (kept.Line / 100), kept.ImportedCount);
            }
        }
        while (result.Error.Contains("gone", StringComparison.Ordinal));

        Assert.Equal(Count - (Count / 100), _ctl.Data.Count);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"{Count / 100} lines", result.Error, StringComparison.Ordinal);
        Assert.True(runs > 3, $"{runs} runs");
        int acknowledged = _ctl.Data.Acknowledged.Count;
        Assert.True(acknowledged < Count + (runs * 1_000), $"{acknowledged} puts in {runs} runs");
    }

    [Fact]
    public async Task Import_ResumedWhenDone_PutsNothing()
    {
        string path = WriteRows(Line("a", "1") + Line("b", "2"));
        string checkpoint = Path.Combine(_folder, "checkpoint");
        await _ctl.RunAsync("import", path, "--resume", checkpoint);
        _ctl.Data.BeforePut = (_, _) => throw new InvalidOperationException("put again");

        CtlResult result = await _ctl.RunAsync("import", path, "--resume", checkpoint);

        Assert.Equal("", result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("resumed_line\t2", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_ResumedOnAGrownFile_PutsOnlyWhatIsNew()
    {
        string path = WriteRows(Line("a", "1"));
        string checkpoint = Path.Combine(_folder, "checkpoint");
        await _ctl.RunAsync("import", path, "--resume", checkpoint);
        await File.AppendAllTextAsync(path, Line("b", "2"), TestContext.Current.CancellationToken);

        Assert.Equal(0, (await _ctl.RunAsync("import", path, "--resume", checkpoint)).ExitCode);
        Assert.Equal(["a", "b"], _ctl.Data.Acknowledged.Select(Encoding.UTF8.GetString));
    }

    [Theory]
    [InlineData("""{"key":"a","value":"2"}""" + "\n", "first 24 bytes differ")]
    [InlineData("", "first 24 bytes differ")]
    public async Task Import_ResumedOnAnotherInput_IsRefusedByName(string other, string reason)
    {
        string path = WriteRows(Line("a", "1"));
        string checkpoint = Path.Combine(_folder, "checkpoint");
        await _ctl.RunAsync("import", path, "--resume", checkpoint);
        WriteRows(other);

        (await _ctl.RunAsync("import", path, "--resume", checkpoint)).FailedWith(
            1, path, checkpoint, reason, "remove the checkpoint");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"kvctlImport":2,"line":0,"offset":0,"sha256":"","imported":0,"bad":0}""")]
    [InlineData("""{"kvctlImport":1,"line":-1,"offset":0,"sha256":"","imported":0,"bad":0}""")]
    public async Task Import_CheckpointThatIsNone_IsRefusedByName(string content)
    {
        string checkpoint = Path.Combine(_folder, "checkpoint");
        await File.WriteAllTextAsync(checkpoint, content, TestContext.Current.CancellationToken);

        (await ImportAsync(Line("a", "1"), "--resume", checkpoint)).FailedWith(1, checkpoint, "not a checkpoint");
        Assert.Equal(content, await File.ReadAllTextAsync(checkpoint, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Import_NoSuchFile_SaysSo() =>
        (await _ctl.RunAsync("import", Path.Combine(_folder, "none"))).FailedWith(1, "none", "cannot be read");

    private static string Line(string key, string value) =>
        Line(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));

    private static string Line(byte[] key, byte[] value)
    {
        var line = new System.Buffers.ArrayBufferWriter<byte>();
        RowJson.Write(line, key, value);
        return Encoding.UTF8.GetString(line.WrittenSpan);
    }

    private string WriteRows(string lines)
    {
        string path = Path.Combine(_folder, "rows.jsonl");
        File.WriteAllText(path, lines);
        return path;
    }

    private Task<CtlResult> ImportAsync(string lines, params string[] more) =>
        _ctl.RunAsync(["import", WriteRows(lines), .. more]);

    private IEnumerable<string> Keys() => _ctl.Data.Rows().Select(row => Encoding.UTF8.GetString(row.Key));
}
