using Kv.Base;
using Kv.Engine.Memory;

namespace Kv.Engine.Tests.Engines;

public sealed class MemoryHarness : EngineHarness
{
    private readonly DictionaryFiles _files = new();
    private MemoryEngine _engine;

    public MemoryHarness()
    {
        Disk = new MemoryEngineDisk(_files);
        _engine = MemoryEngine.Open(Disk);
    }

    public MemoryEngineDisk Disk { get; }

    public override IEngine Engine => _engine;

    public override string NewPath(string kind) => $"/{kind}-{NextName()}";

    public override void DamageFile(string path) => _files.Damage(path);

    public override void Restart()
    {
        _engine.Dispose();
        _engine = MemoryEngine.Open(Disk);
    }

    public override void Kill(DeterministicRandom random)
    {
        Disk.ProcessKill(random);
        _engine = MemoryEngine.Open(Disk);
    }

    // The disk knows by itself what is durable; that is the model.
    public override void NoteDurable()
    {
    }

    public override void PowerCut(DeterministicRandom random)
    {
        Disk.PowerCut(random);
        _engine = MemoryEngine.Open(Disk);
    }

    public override IEngine OpenCheckpoint(string folder) =>
        MemoryEngine.Open(
            Disk.OpenCheckpoint(folder) ?? throw new InvalidOperationException($"no checkpoint {folder}"));

    public override void Dispose() => _engine.Dispose();
}
