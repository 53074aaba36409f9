// Owns the proof that a promise of durability is kept by a system call, and that a failed one is seen. The test's
// process is watched from outside, because a copy of a running system cannot show whether a sync was made.
using System.Diagnostics;
using Kv.Engine.RocksDb;

namespace Kv.Engine.Tests.Engines;

public sealed class RocksDbSyncTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kv-sync-").FullName;

    public RocksDbSyncTests()
    {
        Assert.SkipWhen(!RocksDbLibrary.TryLoad(out string? reason), reason ?? "");
        Assert.SkipWhen(!CanTrace(), "strace is not installed or may not trace here");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void EveryPromiseOfDurability_SyncsTheLogBeforeItReturns()
    {
        string trace = Path.Combine(_root, "trace");
        List<string> said = Run(
            nameof(ChildScenarios.MakeDurableInEveryWay), "strace", "-f", "-y", "-o", trace, "-e",
            "trace=fsync,fdatasync,write");
        Assert.Contains(said, l => l.Contains("end Nothing", StringComparison.Ordinal));

        string[] lines = File.ReadAllLines(trace);
        foreach (string promise in new[] { "SyncWal", "SyncedWrite", "EmptySyncedWrite", "Flush", "Ingest" })
        {
            Assert.True(LogSyncs(lines, promise) > 0, $"{promise} returned without a sync of the log");
        }

        Assert.True(Syncs(lines, "Table").Any(
            l => l.Contains("/table>", StringComparison.Ordinal)), "the table was not synced");
        Assert.Equal(0, LogSyncs(lines, "Nothing"));
    }

    [Theory]
    [InlineData("EIO", "Input/output error")]
    [InlineData("ENOSPC", "No space left on device")]
    public void SyncWal_SyncFails_ThrowsAndEveryWriteAfterIsRefused(string error, string message)
    {
        // The folder is made first, without faults; then the tenth sync of the run fails, once.
        Run(nameof(ChildScenarios.MakeDurableInEveryWay));
        List<string> said = Run(
            nameof(ChildScenarios.SyncUntilItFails),
            "strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
            $"inject=fdatasync:error={error}:when=10");

        Assert.Contains(said, l => l.Contains("synced 0", StringComparison.Ordinal));
        Assert.Contains(said, l => l.Contains("failed: engine WAL sync failed", StringComparison.Ordinal)
            && l.Contains(message, StringComparison.Ordinal));
        Assert.Contains(
            said, l => l.Contains("refused: engine refuses writes after a failure", StringComparison.Ordinal));
    }

    private static bool CanTrace()
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo("strace", ["-o", "/dev/null", "true"]) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>The sync calls between what the child said before and after the promise.</summary>
    private static IEnumerable<string> Syncs(string[] lines, string promise)
    {
        int begin = Array.FindIndex(lines, l => l.Contains($"child: begin {promise}\\n", StringComparison.Ordinal));
        int end = Array.FindIndex(lines, l => l.Contains($"child: end {promise}\\n", StringComparison.Ordinal));
        Assert.True(begin >= 0 && end > begin, $"the trace does not show {promise}");
        return lines[begin..end].Where(l => l.Contains("sync(", StringComparison.Ordinal));
    }

    private static int LogSyncs(string[] lines, string promise) =>
        Syncs(lines, promise).Count(l => l.Contains(".log>", StringComparison.Ordinal));

    private List<string> Run(string scenario, params string[] before)
    {
        using Process child = ChildScenarios.Start(scenario, Path.Combine(_root, "engine"), before);
        var said = new List<string>();
        while (child.StandardOutput.ReadLine() is { } line)
        {
            said.Add(line);
        }

        child.WaitForExit();
        Assert.True(child.ExitCode == 0, string.Join('\n', said));
        return said;
    }
}
