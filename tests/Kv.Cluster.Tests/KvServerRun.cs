// Owns one kvserver process that a test starts by hand, beside or instead of a cluster's own: what it says, how it
// ends, and that it does not outlive the test.
using System.Diagnostics;
using System.Text;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests;

/// <summary>A kvserver with arguments of its own.</summary>
internal sealed class KvServerRun : IAsyncDisposable
{
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private readonly Task _reading;

    private KvServerRun(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardError), ReadAsync(process.StandardOutput));
    }

    public int ProcessId => _process.Id;

    public bool IsRunning => !_process.HasExited;

    /// <summary>Everything it has written so far.</summary>
    public string Said
    {
        get
        {
            lock (_said)
            {
                return _said.ToString();
            }
        }
    }

    public static KvServerRun Start(params string[] arguments) =>
        Start(new Dictionary<string, string>(StringComparer.Ordinal), arguments);

    public static KvServerRun Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Programs.KvServer, arguments);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Start(start);
    }

    /// <summary>
    /// Starts it in a mount namespace of its own, after a shell command that finds <paramref name="folder"/> in
    /// KV_TEST_FOLDER: what that mounts, nobody else sees, and it is gone with the process.
    /// </summary>
    public static KvServerRun StartUnder(string command, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "unshare", ["-m", "/bin/sh", "-c", command + """ && exec "$0" "$@" """, Programs.KvServer, .. arguments]);
        start.Environment["KV_TEST_FOLDER"] = folder;
        return Start(start);
    }

    /// <summary>Arguments for a store in <paramref name="folder"/> at three addresses.</summary>
    public static string[] Arguments(string folder, LocalStoreAddresses addresses, params string[] more) =>
        [
            "--data", folder, "--listen-client", addresses.Client, "--listen-peer", addresses.Peer,
            "--listen-http", addresses.Http, .. more,
        ];

    /// <summary>Three addresses on loopback that are free now.</summary>
    public static LocalStoreAddresses FreeAddresses()
    {
        int[] ports = FreePorts.Choose(3);
        return new LocalStoreAddresses($"127.0.0.1:{ports[0]}", $"127.0.0.1:{ports[1]}", $"127.0.0.1:{ports[2]}");
    }

    /// <summary>
    /// Asserts that it ends by itself with this exit code, and that the last line it says holds all
    /// <paramref name="parts"/>. A refusal is one line: an exception's stack would be more.
    /// </summary>
    public async Task RefusedAsync(int exitCode, params string[] parts)
    {
        using var limit = new CancellationTokenSource(EndTimeout);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"it still runs after {EndTimeout.TotalSeconds} s and said:\n{Said}");
        }

        await _reading;
        string[] lines = Said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(_process.ExitCode == exitCode, $"exit code {_process.ExitCode}, expected {exitCode}:\n{Said}");
        Assert.NotEmpty(lines);
        Assert.All(parts, part => Assert.Contains(part, lines[^1], StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.TrimStart().StartsWith("at ", StringComparison.Ordinal));
    }

    /// <summary>Waits until it has written <paramref name="text"/>.</summary>
    public async Task SaysAsync(string text)
    {
        await WaitUntil.TrueAsync(
            () => Task.FromResult<string?>(
                Said.Contains(text, StringComparison.Ordinal) ? null : "not said yet: " + text),
            () => $"it said:\n{Said}");
    }

    public async ValueTask DisposeAsync()
    {
        if (IsRunning)
        {
            UnixSignal.Send(_process.Id, UnixSignal.Kill);
        }

        await _process.WaitForExitAsync(CancellationToken.None);
        await _reading;
        _process.Dispose();
    }

    private static KvServerRun Start(ProcessStartInfo start)
    {
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        start.UseShellExecute = false;
        return new KvServerRun(Process.Start(start)!);
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_said)
            {
                _said.Append(line).Append('\n');
            }
        }
    }
}
