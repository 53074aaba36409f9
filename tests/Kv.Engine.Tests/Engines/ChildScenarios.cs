// Owns scenarios that need a process of their own: each is an explicit test that another test starts by name, passing
// the folder in the environment, and that tells its progress in lines of standard output.
using System.Diagnostics;
using Kv.Engine.RocksDb;

namespace Kv.Engine.Tests.Engines;

public sealed class ChildScenarios
{
    private const string FolderVariable = "KV_TEST_CHILD_FOLDER";

    /// <summary>Opens the folder and holds it until killed.</summary>
    [Fact(Explicit = true)]
    public void HoldFolderOpen()
    {
        using RocksDbEngine engine = Open();
        Say("holding");
        Thread.Sleep(TimeSpan.FromMinutes(2));
    }

    /// <summary>Writes and makes durable in each way there is, saying before and after what it does.</summary>
    [Fact(Explicit = true)]
    public void MakeDurableInEveryWay()
    {
        using RocksDbEngine engine = Open();
        Mark(engine, "SyncWal", engine.SyncWal);
        Mark(engine, "SyncedWrite", () => Put(engine, "s", sync: true));
        Mark(engine, "EmptySyncedWrite", () => engine.Write(engine.NewBatch(), sync: true));
        Mark(engine, "Flush", engine.Flush);
        string table = Path.Combine(
            Path.GetDirectoryName(Environment.GetEnvironmentVariable(FolderVariable)!)!, "table");
        Mark(engine, "Table", () =>
        {
            using IEngineTableWriter writer = engine.NewTableWriter(table);
            writer.DeleteRange("x"u8, "y"u8);
            writer.Finish();
        });
        Mark(engine, "Ingest", () => engine.IngestTable(ColumnFamily.Aux, table));
        Mark(engine, "Nothing", () => Put(engine, "n", sync: false));
    }

    /// <summary>Writes until a sync fails, then says how the engine answers.</summary>
    [Fact(Explicit = true)]
    public void SyncUntilItFails()
    {
        using RocksDbEngine engine = Open();
        for (int i = 0; i < 100; i++)
        {
            try
            {
                Put(engine, $"k{i}", sync: false);
                engine.SyncWal();
                Say($"synced {i}");
            }
            catch (EngineException e)
            {
                Say($"failed: {e.Message}");
                EngineException refused = Assert.Throws<EngineException>(() => Put(engine, "after", sync: false));
                Say($"refused: {refused.Message}");
                return;
            }
        }

        Say("never failed");
    }

    internal static Process Start(string scenario, string folder, params string[] before)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Kv.Engine.Tests");
        string[] command =
        [
            .. before, program, "-noColor", "-explicit", "only", "-showLiveOutput", "-parallel", "none",
            "-method", $"{typeof(ChildScenarios).FullName}.{scenario}",
        ];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true };
        start.Environment[FolderVariable] = folder;
        return Process.Start(start)!;
    }

    internal static void WaitForLine(Process process, string text)
    {
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"the child ended without saying '{text}'");
    }

    private static RocksDbEngine Open() => RocksDbEngine.Open(new RocksDbEngineOptions
    {
        Folder = Environment.GetEnvironmentVariable(FolderVariable)
            ?? throw new InvalidOperationException("this scenario is started by another test"),
        CreateIfMissing = true,
    });

    private static void Mark(RocksDbEngine engine, string name, Action action)
    {
        Put(engine, name, sync: false);
        Say($"begin {name}");
        action();
        Say($"end {name}");
    }

    private static void Put(RocksDbEngine engine, string key, bool sync)
    {
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Data, Bytes.Of(key), "v"u8);
        engine.Write(batch, sync);
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine($"child: {line}");
        Console.Out.Flush();
    }
}
