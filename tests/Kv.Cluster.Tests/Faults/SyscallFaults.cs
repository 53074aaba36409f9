using System.Diagnostics;
using System.Globalization;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests.Faults;

/// <summary>Makes system calls on one file of a running process fail, by strace; until disposed.</summary>
internal sealed class SyscallFaults : IDisposable
{
    private static readonly Lazy<string?> WhyMissing = new(FindMissing);

    private readonly Process _strace;

    private SyscallFaults(Process strace) => _strace = strace;

    /// <summary>Why it cannot be had here; null when it can.</summary>
    public static string? Missing => WhyMissing.Value;

    public static SyscallFaults Attach(int processId, string file, string calls, string error) => new(Start(
        "-f", "-qq", "-o", "/dev/null", "-P", file, "-e", "trace=" + calls, "-e", $"inject={calls}:error={error}",
        "-p", processId.ToString(CultureInfo.InvariantCulture)));

    public void Dispose()
    {
        if (!_strace.HasExited)
        {
            UnixSignal.Send(_strace.Id, UnixSignal.Terminate);
        }

        _strace.WaitForExit();
        _strace.Dispose();
    }

    private static string? FindMissing()
    {
        try
        {
            using Process probe = Start("-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true");
            string errors = probe.StandardError.ReadToEnd();
            probe.WaitForExit();
            return probe.ExitCode == 0 ? null : $"strace cannot inject failures here: {errors.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "strace is not installed";
        }
    }

    private static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("strace", arguments) { RedirectStandardError = true })!;
}
