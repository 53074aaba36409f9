using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests;

/// <summary><c>kvctl playground</c>: real processes, started and stopped by signals.</summary>
public sealed partial class PlaygroundTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvplayground-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, UnixSignal.Interrupt)]
    [InlineData(3, UnixSignal.Terminate)]
    public async Task Playground_StoppedBySignalAndStartedAgain_HasItsDataAndAddresses(int storeCount, int signal)
    {
        string first;
        using (Process playground = Start("--stores", $"{storeCount}"))
        {
            first = await ReadSeedsAsync(playground);
            Assert.Equal(storeCount, first.Split(',').Length);
            (await KvctlProcess.RunAsync([first], "put", "kept", "value")).Succeeded();
            await StopAsync(playground, signal);
        }

        Assert.Empty(Directory.GetFiles(_folder, "*.pid"));
        using (Process playground = Start())
        {
            Assert.Equal(first, await ReadSeedsAsync(playground));
            Assert.Equal("value\n", (await KvctlProcess.RunAsync([first], "get", "kept")).Succeeded().Output);
            await StopAsync(playground, signal);
        }
    }

    [Fact]
    public async Task Playground_PortInUse_IsToldByNameAndNothingStaysBehind()
    {
        using (Process playground = Start("--stores", "1"))
        {
            await ReadSeedsAsync(playground);
            await StopAsync(playground, UnixSignal.Terminate);
        }

        using LocalCluster cluster = LocalCluster.Open(_folder, null, Programs.KvServer, []);
        string address = cluster.Stores[0].Addresses.Http;
        using var listener = new TcpListener(IPEndPoint.Parse(address));
        listener.Start();

        KvctlResult result = await KvctlProcess.RunAsync([], "playground", "--data", _folder);

        result.FailedWith(1, "store1", address, "in use");
        Assert.Empty(Directory.GetFiles(_folder, "*.pid"));
    }

    [Fact]
    public async Task Playground_WipedStore_IsToldByNameAndTheOthersKeepTheData()
    {
        using (Process playground = Start("--stores", "3"))
        {
            string seeds = await ReadSeedsAsync(playground);
            (await KvctlProcess.RunAsync([seeds], "put", "kept", "value")).Succeeded();
            await StopAsync(playground, UnixSignal.Terminate);
        }

        string wiped = Path.Combine(_folder, "store2");
        Directory.Delete(wiped, recursive: true);
        (await KvctlProcess.RunAsync([], "playground", "--data", _folder)).FailedWith(1, "store2", wiped, "is empty");

        // Without the playground's insistence on all of them, the other two go on.
        using LocalCluster cluster = LocalCluster.Open(_folder, null, Programs.KvServer, []);
        cluster.Stores[0].Start();
        cluster.Stores[2].Start();
        try
        {
            string[] others = [cluster.Seeds[0], cluster.Seeds[2]];
            KvctlResult got = await KvctlProcess.RunAsync(others, "get", "kept", "--timeout", "25s");
            Assert.Equal("value\n", got.Succeeded().Output);
        }
        finally
        {
            await cluster.Stores[0].KillAsync(CancellationToken.None);
            await cluster.Stores[2].KillAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task Playground_FolderThatCannotBeMade_IsToldByName()
    {
        string path = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(path, "", Token);

        (await KvctlProcess.RunAsync([], "playground", "--data", Path.Combine(path, "inside"))).FailedWith(1, path);
    }

    private static async Task StopAsync(Process playground, int signal)
    {
        Task<string> rest = playground.StandardOutput.ReadToEndAsync(Token);
        Assert.True(UnixSignal.Send(playground.Id, signal));
        await KvctlProcess.WaitAsync(playground);
        Assert.Contains("stopped", await rest, StringComparison.Ordinal);
        Assert.Equal(0, playground.ExitCode);
    }

    private static async Task<string> ReadSeedsAsync(Process playground)
    {
        while (await playground.StandardOutput.ReadLineAsync(Token) is { } line)
        {
            if (ExportLine().Match(line) is { Success: true } match)
            {
                // The last line of what it says when it is ready.
                while (await playground.StandardOutput.ReadLineAsync(Token) is { } next
                    && !next.StartsWith("stop it", StringComparison.Ordinal))
                {
                }

                return match.Groups[1].Value;
            }
        }

        throw new InvalidOperationException("the playground ended: "
            + await playground.StandardError.ReadToEndAsync(Token));
    }

    private Process Start(params string[] args) => KvctlProcess.Start([], ["playground", "--data", _folder, .. args]);

    [GeneratedRegex("export KVCTL_SEEDS=(.*)$")]
    private static partial Regex ExportLine();
}
