// Owns what is RocksDB's own: opening, the folder's lock, refusals, and failures of the disk below.
using System.Diagnostics;
using Kv.Engine.RocksDb;

namespace Kv.Engine.Tests.Engines;

public sealed class RocksDbEngineTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kv-rocksdb-").FullName;

    public RocksDbEngineTests() => Assert.SkipWhen(!RocksDbLibrary.TryLoad(out string? reason), reason ?? "");

    private string Folder => Path.Combine(_root, "engine");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Open_FolderOpenInThisProcess_IsRefusedByName()
    {
        using RocksDbEngine engine = Open(create: true);
        EngineException e = Assert.Throws<EngineException>(() => Open(create: true));
        Assert.Equal($"engine folder {Folder} is already open in this process", e.Message);
        Put(engine, "k", "v");
    }

    [Fact]
    public void Open_FolderOpenInAnotherProcess_IsRefusedByName()
    {
        Open(create: true).Dispose();
        using Process holder = ChildScenarios.Start(nameof(ChildScenarios.HoldFolderOpen), Folder);
        try
        {
            ChildScenarios.WaitForLine(holder, "holding");
            EngineException e = Assert.Throws<EngineException>(() => Open(create: false));
            Assert.StartsWith(
                $"engine folder {Folder} is in use by another process", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            holder.Kill(entireProcessTree: true);
            holder.WaitForExit();
        }

        Open(create: false).Dispose();
    }

    [Fact]
    public void Open_AbsentFolderNotToBeCreated_IsRefusedAndNothingIsMade()
    {
        EngineException e = Assert.Throws<EngineException>(() => Open(create: false));
        Assert.Contains(Folder, e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void Open_LostCurrentFile_IsDamageEvenWhenCreatingIsAllowed()
    {
        using (RocksDbEngine engine = Open(create: true))
        {
            Put(engine, "k", "v");
        }

        string current = Path.Combine(Folder, "CURRENT");
        string content = File.ReadAllText(current);
        File.Delete(current);
        EngineException e = Assert.Throws<EngineException>(() => Open(create: true));
        Assert.Contains("damaged", e.Message, StringComparison.Ordinal);

        File.WriteAllText(current, content);
        using RocksDbEngine again = Open(create: false);
        Assert.NotNull(again.Get(ColumnFamily.Data, "k"u8));
    }

    [Fact]
    public void Open_DamagedManifest_IsRefused()
    {
        Open(create: true).Dispose();
        string manifest = Directory.GetFiles(Folder, "MANIFEST-*").Single();
        byte[] bytes = File.ReadAllBytes(manifest);
        bytes[20] ^= 0xFF;
        File.WriteAllBytes(manifest, bytes);
        EngineException e = Assert.Throws<EngineException>(() => Open(create: true));
        Assert.Contains("Corruption", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Read_DamagedTable_ThrowsInsteadOfEnding()
    {
        using (RocksDbEngine engine = Open(create: true))
        {
            for (int i = 0; i < 2000; i++)
            {
                Put(engine, $"k{i:D5}", new string('v', 100));
            }

            engine.Flush();
        }

        string table = Directory.GetFiles(Folder, "*.sst").OrderByDescending(f => new FileInfo(f).Length).First();
        using (FileStream stream = File.OpenWrite(table))
        {
            stream.Position = stream.Length / 3;
            stream.Write(new byte[64]);
        }

        using RocksDbEngine damaged = Open(create: false);
        EngineException e = Assert.Throws<EngineException>(() => damaged.Walk());
        Assert.Contains("Corruption", e.Message, StringComparison.Ordinal);
        Assert.Throws<EngineException>(() =>
        {
            for (int i = 0; i < 2000; i++)
            {
                damaged.Get(ColumnFamily.Data, Bytes.Of($"k{i:D5}"));
            }
        });
    }

    [Fact]
    public void TryReadCached_OnDiskOnly_SaysSoUntilAReadHasFetchedIt()
    {
        using (RocksDbEngine engine = Open(create: true))
        {
            Put(engine, "k", "value");
            engine.Flush();
        }

        using RocksDbEngine again = Open(create: false);
        var seen = new List<string>();
        Assert.Equal(CachedRead.NotInMemory, ReadCached(again, "k", seen));
        Assert.Empty(seen);

        Assert.NotNull(again.Get(ColumnFamily.Data, "k"u8));
        Assert.Equal(CachedRead.Found, ReadCached(again, "k", seen));
        Assert.Equal(["value"], seen);
    }

    [Fact]
    public void Dispose_IteratorStillOpen_FolderClosesWithTheIterator()
    {
        RocksDbEngine engine = Open(create: true);
        Put(engine, "k", "v");
        IEngineIterator iterator = engine.Open();
        engine.Dispose();

        Assert.Throws<ObjectDisposedException>(() => engine.Get(ColumnFamily.Data, "k"u8));
        iterator.SeekToFirst();
        Assert.Equal("k", Bytes.Text(iterator.Key));
        Assert.Throws<EngineException>(() => Open(create: false));
        iterator.Dispose();
        Open(create: false).Dispose();
    }

    [Fact]
    public void Statistics_AfterWrites_NamesFolderLibraryAndFamilies()
    {
        using RocksDbEngine engine = Open(create: true);
        Put(engine, "k", "v");
        string text = engine.Statistics();
        Assert.Contains(Folder, text, StringComparison.Ordinal);
        Assert.Contains(RocksDbLibrary.LoadedName!, text, StringComparison.Ordinal);
        Assert.Contains("failure: none", text, StringComparison.Ordinal);
        Assert.Contains("Meta memory table bytes", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_DiskFull_ThrowsNoSpaceAndRefusesEveryWriteAfter()
    {
        string mount = Path.Combine(_root, "tiny");
        Directory.CreateDirectory(mount);
        bool mounted = Run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mount) == 0;
        Assert.SkipWhen(!mounted, "mounting a tmpfs needs root and the right to mount");
        try
        {
            CheckFullDisk(Path.Combine(mount, "engine"));
        }
        finally
        {
            Assert.Equal(0, Run("umount", mount));
        }
    }

    private static void CheckFullDisk(string folder)
    {
        var options = new RocksDbEngineOptions { Folder = folder, CreateIfMissing = true };
        int acknowledged = 0;
        using (RocksDbEngine engine = RocksDbEngine.Open(options))
        {
            byte[] value = new byte[64 << 10];
            EngineException full = Assert.Throws<EngineException>(() =>
            {
                for (; acknowledged < 1000; acknowledged++)
                {
                    // Bytes that do not compress.
                    new Kv.Base.DeterministicRandom((ulong)acknowledged).Fill(value);
                    using IEngineBatch batch = engine.NewBatch();
                    batch.Put(ColumnFamily.Data, Bytes.Of($"k{acknowledged:D4}"), value);
                    engine.Write(batch, sync: true);
                }
            });
            Assert.Contains("No space left", full.Message, StringComparison.Ordinal);
            Assert.Contains(folder, full.Message, StringComparison.Ordinal);
            Assert.InRange(acknowledged, 10, 999);

            // Space comes back; the engine must not: what failed may be half on disk.
            EngineException refused = Assert.Throws<EngineException>(() => Put(engine, "more", "v"));
            Assert.Contains("refuses writes after a failure", refused.Message, StringComparison.Ordinal);
            Assert.Contains("No space left", refused.Message, StringComparison.Ordinal);
            Assert.Throws<EngineException>(engine.SyncWal);
            Assert.Throws<EngineException>(engine.Flush);
            Assert.Equal(64 << 10, engine.Get(ColumnFamily.Data, "k0000"u8)!.Length);
        }

        // The next start needs room for what it replays.
        Assert.Equal(0, Run("mount", "-o", "remount,size=128m", Path.GetDirectoryName(folder)!));
        using RocksDbEngine again = RocksDbEngine.Open(options);
        Assert.InRange(again.Walk().Count, acknowledged, acknowledged + 1);
    }

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }

    private static CachedRead ReadCached(RocksDbEngine engine, string key, List<string> seen) =>
        engine.TryReadCached(
            ColumnFamily.Data, Bytes.Of(key), seen, static (span, list) => list.Add(Bytes.Text(span)));

    private static void Put(RocksDbEngine engine, string key, string value)
    {
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Data, Bytes.Of(key), Bytes.Of(value));
        engine.Write(batch, sync: false);
    }

    private RocksDbEngine Open(bool create) =>
        RocksDbEngine.Open(new RocksDbEngineOptions { Folder = Folder, CreateIfMissing = create });
}
