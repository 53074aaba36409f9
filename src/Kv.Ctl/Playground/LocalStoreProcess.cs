using System.Diagnostics;
using System.Globalization;
using Kv.Base;

namespace Kv.Ctl.Playground;

/// <summary>
/// One kvserver process on this machine, with its data folder, addresses and log file. It goes on when the program that
/// started it ends: its log goes to the file directly, and it has a session of its own, so that Ctrl-C at the terminal
/// reaches only the program that then stops it in order.
/// </summary>
internal sealed class LocalStoreProcess : IDisposable
{
    // The shell becomes kvserver, or setsid which becomes kvserver: the process id stays the same.
    private const string Script =
        """
        exec </dev/null >>"$0" 2>&1
        if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
        exec "$@"
        """;

    private const int LogTailBytes = 16 * 1024;

    private readonly string _program;
    private readonly IReadOnlyList<string> _extraArguments;
    private Process? _process;
    private long _logStart;

    public LocalStoreProcess(
        string name, string folder, LocalStoreAddresses addresses, string program, IReadOnlyList<string> extraArguments)
    {
        Name = name;
        DataFolder = Path.Combine(folder, name);
        LogPath = Path.Combine(folder, name + ".log");
        ProcessIdPath = Path.Combine(folder, name + ".pid");
        Addresses = addresses;
        _program = program;
        _extraArguments = extraArguments;
    }

    /// <summary>"store1" and so on: the name of its folder; its id is given by the cluster.</summary>
    public string Name { get; }

    public string DataFolder { get; }

    public string LogPath { get; }

    /// <summary>A file with the process id, there while the store runs.</summary>
    public string ProcessIdPath { get; }

    public LocalStoreAddresses Addresses { get; }

    /// <summary>Further environment variables for the process, from its next start on.</summary>
    public IDictionary<string, string> Variables { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public int ProcessId => _process?.Id ?? 0;

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Null while it runs or was never started.</summary>
    public int? ExitCode => _process is { HasExited: true } ended ? ended.ExitCode : null;

    public void Start()
    {
        Invariant.Require(!IsRunning);
        RequireNotRunningElsewhere();
        _process?.Dispose();
        _logStart = File.Exists(LogPath) ? new FileInfo(LogPath).Length : 0;
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        foreach (string argument in (string[])["-c", Script, LogPath, _program, .. Arguments()])
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in Variables)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start) ?? throw new LocalClusterException($"{Name} could not be started");
        File.WriteAllText(ProcessIdPath, _process.Id.ToString(CultureInfo.InvariantCulture) + "\n");
    }

    /// <summary>Ends it at once, as a power cut or the kernel would (SIGKILL), and waits until it is gone.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        if (_process is { HasExited: false } process)
        {
            UnixSignal.Send(process.Id, UnixSignal.Kill);
            await process.WaitForExitAsync(cancellationToken);
        }

        File.Delete(ProcessIdPath);
    }

    /// <summary>Asks it to stop in order (SIGTERM).</summary>
    public void Terminate()
    {
        if (_process is { HasExited: false } process)
        {
            UnixSignal.Send(process.Id, UnixSignal.Terminate);
        }
    }

    /// <summary>Waits until it has stopped; false when <paramref name="timeout"/> comes first.</summary>
    public async Task<bool> WaitAsync(TimeSpan timeout)
    {
        if (_process is not { } process)
        {
            return true;
        }

        using var limit = new CancellationTokenSource(timeout);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        File.Delete(ProcessIdPath);
        return true;
    }

    public Task WaitForExitAsync(CancellationToken cancellationToken) =>
        _process?.WaitForExitAsync(cancellationToken) ?? Task.CompletedTask;

    /// <summary>The last line that it logged since it was started; empty when there is none.</summary>
    public string LastLogLine() => LogLines(LogTailBytes).LastOrDefault(line => line.Trim().Length > 0)?.Trim() ?? "";

    /// <summary>
    /// What it logged since it was started, at most the last <paramref name="bytesMax"/> bytes of it.
    /// </summary>
    public IReadOnlyList<string> LogLines(int bytesMax)
    {
        try
        {
            using var log = new FileStream(LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            log.Position = Math.Max(_logStart, log.Length - bytesMax);
            using var reader = new StreamReader(log);
            return reader.ReadToEnd().Split('\n');
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>Lets go of the process without ending it.</summary>
    public void Dispose() => _process?.Dispose();

    private string[] Arguments() =>
        [
            "--data", DataFolder,
            "--listen-client", Addresses.Client,
            "--listen-peer", Addresses.Peer,
            "--listen-http", Addresses.Http,
            "--wait-init",
            .. _extraArguments,
        ];

    private void RequireNotRunningElsewhere()
    {
        if (!File.Exists(ProcessIdPath)
            || !int.TryParse(File.ReadAllText(ProcessIdPath).Trim(), CultureInfo.InvariantCulture, out int processId))
        {
            return;
        }

        // The id may be another program's by now; its command line tells.
        string commandLine = $"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/cmdline";
        try
        {
            if (File.Exists(commandLine)
                && File.ReadAllText(commandLine).Contains(DataFolder, StringComparison.Ordinal))
            {
                throw new LocalClusterException(
                    $"{Name} in {DataFolder} runs already as process {processId}; stop it first: kill {processId}");
            }
        }
        catch (IOException)
        {
            // It has just ended.
        }
    }
}
