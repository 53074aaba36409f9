using System.Diagnostics;
using System.Text;

namespace Kv.Cluster.Tests;

/// <summary>Runs the kvctl program and collects what it says. A run that does not end fails the test.</summary>
internal static class KvctlProcess
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    public static Task<KvctlResult> RunAsync(IReadOnlyList<string> seeds, params string[] args) =>
        RunAsync(seeds, input: [], args);

    public static async Task<KvctlResult> RunAsync(IReadOnlyList<string> seeds, byte[] input, params string[] args)
    {
        using Process process = Start(seeds, args);
        Task<byte[]> output = ReadAllAsync(process.StandardOutput.BaseStream);
        Task<byte[]> error = ReadAllAsync(process.StandardError.BaseStream);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading its input.
        }

        await WaitAsync(process);
        return new KvctlResult(process.ExitCode, await output, Encoding.UTF8.GetString(await error));
    }

    /// <summary>Starts kvctl with its three streams redirected; the caller ends it.</summary>
    public static Process Start(IReadOnlyList<string> seeds, params string[] args)
    {
        var start = new ProcessStartInfo(Programs.KvCtl, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KVCTL_SEEDS"] = string.Join(',', seeds);
        start.Environment["KVSERVER_PATH"] = Programs.KvServer;
        return Process.Start(start)!;
    }

    public static async Task WaitAsync(Process process)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Timeout);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"kvctl did not end within {Timeout.TotalSeconds} s");
        }
    }

    private static async Task<byte[]> ReadAllAsync(Stream stream)
    {
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes);
        return bytes.ToArray();
    }
}

internal sealed record KvctlResult(int ExitCode, byte[] OutputBytes, string Error)
{
    public string Output => Encoding.UTF8.GetString(OutputBytes);

    public KvctlResult Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}: {Error}");
        return this;
    }

    /// <summary>Asserts the exit code, and one line on stderr that holds all <paramref name="parts"/>.</summary>
    public void FailedWith(int exitCode, params string[] parts)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, expected {exitCode}: {Error}");
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("kvctl: ", line, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, line, StringComparison.OrdinalIgnoreCase));
    }
}
