using System.Text;
using Kv.Base;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Tests.Fakes;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Tests.Transfer;

public sealed class ExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvctl-export-").FullName;
    private readonly CtlRun _ctl = new();

    private string File => Path.Combine(_folder, "rows.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Export_ThenImport_IsTheSameData()
    {
        Fill(RandomRows.Seed(), 5_000);
        Assert.Equal(0, (await _ctl.RunAsync("export", File, "--concurrency", "3")).ExitCode);
        var other = new CtlRun();

        Assert.Equal(0, (await other.RunAsync("import", File)).ExitCode);

        Assert.Equal(_ctl.Data.Rows(), other.Data.Rows(), RowComparer.Instance);
    }

    /// <summary>
    /// Stopped at any row, its file torn at any byte, and resumed: in the end the file is what one run writes.
    /// </summary>
    [Fact]
    public async Task Export_StoppedTornAndResumed_IsTheFileOfOneRun()
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        Fill(seed, 3_000);
        await _ctl.RunAsync("export", File);
        byte[] expected = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);
        System.IO.File.Delete(File);
        int rows = 0;
        int stopAt = 0;
        _ctl.Data.BeforeRow = _ =>
        {
            if (Interlocked.Increment(ref rows) == stopAt)
            {
                throw new KvUnavailableException("gone");
            }
        };
        CtlResult result;
        do
        {
            rows = 0;
            stopAt = 1_500 + random.Next(3_000);
            result = await _ctl.RunAsync("export", File, "--resume");
            if (result.ExitCode != 0)
            {
                result.FailedWith(1, "gone");
                using FileStream file = System.IO.File.OpenWrite(File);
                file.SetLength(Math.Max(0, file.Length - random.Next(200)));
            }
        }
        while (result.ExitCode != 0);

        byte[] actual = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);
        Assert.True(expected.AsSpan().SequenceEqual(actual), $"seed {seed}: the file differs");
    }

    [Fact]
    public async Task Export_ToAFileThatExists_IsRefusedUnlessTold()
    {
        _ctl.Data["a"] = "1"u8.ToArray();
        await System.IO.File.WriteAllTextAsync(File, "precious", TestContext.Current.CancellationToken);

        (await _ctl.RunAsync("export", File)).FailedWith(1, File, "--resume", "--overwrite");
        Assert.Equal("precious", await System.IO.File.ReadAllTextAsync(File, TestContext.Current.CancellationToken));
        Assert.Equal(0, (await _ctl.RunAsync("export", File, "--overwrite")).ExitCode);
        Assert.Equal(
            """{"key":"a","value":"1"}""" + "\n",
            await System.IO.File.ReadAllTextAsync(File, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Export_ResumedBehindAForeignLine_IsRefusedByName()
    {
        await System.IO.File.WriteAllTextAsync(File, "precious\nto", TestContext.Current.CancellationToken);

        (await _ctl.RunAsync("export", File, "--resume")).FailedWith(1, File, "no row of an export");
        Assert.Equal(
            "precious\nto", await System.IO.File.ReadAllTextAsync(File, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Export_ResumedWithAnotherRange_IsRefusedByName()
    {
        _ctl.Data["m"] = "1"u8.ToArray();
        await _ctl.RunAsync("export", File);

        (await _ctl.RunAsync("export", File, "--resume", "--prefix", "x")).FailedWith(1, File, "outside the range");
    }

    [Fact]
    public async Task Export_ToStandardOutput_WritesNothingElseThere()
    {
        _ctl.Data["a"] = "1"u8.ToArray();

        CtlResult result = await _ctl.RunAsync("export", "-", "--output", "json");

        Assert.Equal("""{"key":"a","value":"1"}""" + "\n", result.Output);
        Assert.Contains("\"exported\": 1", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_OfARange_TakesItsKeysOnly()
    {
        foreach (string key in (string[])["a", "b", "ba", "c", "d"])
        {
            _ctl.Data[key] = [];
        }

        _ctl.Data.RegionStarts.Add("bb"u8.ToArray());
        await _ctl.RunAsync("export", File, "--start", "b", "--end", "d");
        string[] lines = await System.IO.File.ReadAllLinesAsync(File, TestContext.Current.CancellationToken);

        Assert.Equal(["b", "ba", "c"], lines.Select(line => line.Split('"')[3]));
    }

    [Fact]
    public void Cut_AtRegionStarts_CoversTheRangeOnceInOrder()
    {
        List<ScanRange> parts = ExportRunner.Cut(
            new ScanRange("b"u8.ToArray(), "k"u8.ToArray()),
                [[], "a"u8.ToArray(), "b"u8.ToArray(), "f"u8.ToArray(), "k"u8.ToArray(), "z"u8.ToArray()]);

        Assert.Equal(
            ["b-f", "f-k"],
            parts.Select(part => $"{Encoding.UTF8.GetString(part.Start)}-{Encoding.UTF8.GetString(part.End!)}"));
    }

    private void Fill(ulong seed, int count)
    {
        var random = new DeterministicRandom(seed);
        for (int i = 0; i < count; i++)
        {
            _ctl.Data.Set(
                [(byte)random.Next(256), .. RandomRows.Bytes(random, lengthMax: 8)],
                RandomRows.Bytes(random, lengthMax: 50));
        }

        foreach (int cut in (int[])[30, 90, 91, 200])
        {
            _ctl.Data.RegionStarts.Add([(byte)cut]);
        }
    }
}
