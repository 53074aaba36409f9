// Owns one engine under test with the disk below it, so that one suite can stop, kill, cut and reopen either engine.
using Kv.Base;

namespace Kv.Engine.Tests.Engines;

public abstract class EngineHarness : IDisposable
{
    private int _names;

    public abstract IEngine Engine { get; }

    /// <summary>A path for a new table file or checkpoint folder.</summary>
    public abstract string NewPath(string kind);

    public abstract void DamageFile(string path);

    /// <summary>Closes the engine and opens it again, nothing lost.</summary>
    public abstract void Restart();

    /// <summary>The process dies: what was written is there, nothing was closed. Then opens again.</summary>
    public abstract void Kill(DeterministicRandom random);

    /// <summary>
    /// Tells the harness that everything written so far is promised to be durable: after a sync, a synced write, a
    /// flush, an ingest or an open.
    /// </summary>
    public abstract void NoteDurable();

    /// <summary>Power goes: what was not noted durable may be lost, in part or whole. Then opens again.</summary>
    public abstract void PowerCut(DeterministicRandom random);

    public abstract IEngine OpenCheckpoint(string folder);

    public abstract void Dispose();

    public void Put(string key, string value, ColumnFamily family = ColumnFamily.Data) =>
        Write(b => b.Put(family, Bytes.Of(key), Bytes.Of(value)));

    public void Write(Action<IEngineBatch> fill, bool sync = false)
    {
        using IEngineBatch batch = Engine.NewBatch();
        fill(batch);
        Engine.Write(batch, sync);
    }

    public string? Text(string key, ColumnFamily family = ColumnFamily.Data) =>
        Engine.Get(family, Bytes.Of(key)) is { } value ? Bytes.Text(value) : null;

    protected int NextName() => ++_names;
}
