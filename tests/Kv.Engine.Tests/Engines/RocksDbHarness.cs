// Owns a RocksDB engine in a folder of its own. A power cut is an image: the folder is copied while the engine is open,
// and what was written to the logs after the last durable point is cut at a random byte, or has a hole of zeros in it.
// It shows what recovery makes of any loss of the log's tail; it takes for granted that RocksDB's own syncs of tables
// and manifest reached the disk, because a copy of a running system sees them either way.
using Kv.Base;
using Kv.Engine.RocksDb;

namespace Kv.Engine.Tests.Engines;

public sealed class RocksDbHarness : EngineHarness
{
    private readonly string _root = Directory.CreateTempSubdirectory("kv-engine-").FullName;
    private readonly Dictionary<string, long> _durableLengths = new(StringComparer.Ordinal);
    private string _folder;
    private RocksDbEngine _engine;

    public RocksDbHarness()
    {
        Assert.SkipWhen(!RocksDbLibrary.TryLoad(out string? reason), reason ?? "");
        _folder = Path.Combine(_root, "engine-0");
        _engine = RocksDbEngine.Open(Options(create: true));
        NoteDurable();
    }

    public override IEngine Engine => _engine;

    public string Folder => _folder;

    public RocksDbEngineOptions Options(bool create) => new() { Folder = _folder, CreateIfMissing = create };

    public override string NewPath(string kind) => Path.Combine(_root, $"{kind}-{NextName()}");

    public override void DamageFile(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 0x5A;
        }

        File.WriteAllBytes(path, bytes);
    }

    public override void Restart()
    {
        _engine.Dispose();
        _engine = RocksDbEngine.Open(Options(create: false));
        NoteDurable();
    }

    public override void Kill(DeterministicRandom random) => OpenImage(CopyFolder());

    public override void NoteDurable()
    {
        _durableLengths.Clear();
        foreach (FileInfo log in Logs(_folder))
        {
            _durableLengths[log.Name] = log.Length;
        }
    }

    public override void PowerCut(DeterministicRandom random)
    {
        string image = CopyFolder();
        List<FileInfo> logs = Logs(image);
        long tail = logs.Sum(l => l.Length - DurableLength(l));
        if (tail > 0)
        {
            if (random.Chance(0.5))
            {
                CutTail(logs, random.Next((int)tail + 1));
            }
            else
            {
                ZeroHole(logs, random);
            }
        }

        OpenImage(image);
    }

    public override IEngine OpenCheckpoint(string folder) =>
        RocksDbEngine.Open(new RocksDbEngineOptions { Folder = folder });

    public override void Dispose()
    {
        _engine.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private static List<FileInfo> Logs(string folder) =>
        [.. new DirectoryInfo(folder).GetFiles("*.log").OrderBy(f => f.Name, StringComparer.Ordinal)];

    private long DurableLength(FileInfo log) => Math.Min(log.Length, _durableLengths.GetValueOrDefault(log.Name));

    private void CutTail(List<FileInfo> logs, long kept)
    {
        foreach (FileInfo log in logs)
        {
            long keep = Math.Min(kept, log.Length - DurableLength(log));
            kept -= keep;
            using FileStream stream = log.Open(FileMode.Open);
            stream.SetLength(DurableLength(log) + keep);
        }
    }

    private void ZeroHole(List<FileInfo> logs, DeterministicRandom random)
    {
        FileInfo log = logs.First(l => l.Length > DurableLength(l));
        long start = DurableLength(log) + random.Next((int)(log.Length - DurableLength(log)));
        using FileStream stream = log.Open(FileMode.Open);
        stream.Position = start;
        stream.Write(new byte[1 + random.Next((int)(log.Length - start))]);
    }

    /// <summary>
    /// A copy of all files as of one moment. Compactions go on meanwhile, so a copy during which the manifest changed
    /// is thrown away: without a change of the manifest no file it names has come or gone.
    /// </summary>
    private string CopyFolder()
    {
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            (string Name, long Length)[] before = Manifests();
            string image = NewPath("engine");
            if (TryCopy(image) && before.SequenceEqual(Manifests()))
            {
                return image;
            }

            Directory.Delete(image, recursive: true);
        }

        throw new InvalidOperationException("the engine never rested");
    }

    private (string Name, long Length)[] Manifests() =>
    [
        .. new DirectoryInfo(_folder).GetFiles("MANIFEST-*").OrderBy(f => f.Name, StringComparer.Ordinal)
            .Select(f => (f.Name, f.Length)),
    ];

    private bool TryCopy(string image)
    {
        Directory.CreateDirectory(image);
        foreach (string file in Directory.GetFiles(_folder).Where(f => Path.GetFileName(f) != "LOCK"))
        {
            try
            {
                File.Copy(file, Path.Combine(image, Path.GetFileName(file)));
            }
            catch (FileNotFoundException)
            {
                return false;
            }
        }

        return true;
    }

    private void OpenImage(string image)
    {
        _engine.Dispose();
        _folder = image;
        _engine = RocksDbEngine.Open(Options(create: false));
        NoteDurable();
    }
}
