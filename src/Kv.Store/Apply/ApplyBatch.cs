// Owns the engine batch that apply is building, and what reads through it (Apply law). Only writes with conditions
// read; so that all others stay free of cost, a batch begins blind and is made readable, while it is empty, for the
// first entry that reads. From then on the overlay follows everything that goes in.
//
// Invariant: a readable batch's overlay holds all that the batch holds of data and aux.
using Kv.Base;
using Kv.Engine;

namespace Kv.Store.Apply;

internal sealed class ApplyBatch(IEngine engine) : IDisposable
{
    private readonly IEngineBatch _batch = engine.NewBatch();
    private readonly Overlay _overlay = new();

    public IEngine Engine => engine;

    /// <summary>For rows of meta, which nothing reads through the batch.</summary>
    public IEngineBatch Inner => _batch;

    public int Count => _batch.Count;

    public long ByteCount => _batch.ByteCount;

    public bool IsReadable { get; private set; }

    /// <summary>From now on it can be read through. It must be empty: write it first.</summary>
    public void MakeReadable()
    {
        Invariant.Require(_batch.Count == 0);
        IsReadable = true;
    }

    public void Put(ColumnFamily family, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _batch.Put(family, key, value);
        if (IsReadable)
        {
            _overlay.Set(family, key.ToArray(), value.ToArray());
        }
    }

    public void Delete(ColumnFamily family, ReadOnlySpan<byte> key)
    {
        _batch.Delete(family, key);
        if (IsReadable)
        {
            _overlay.Set(family, key.ToArray(), value: null);
        }
    }

    public void DeleteRange(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        _batch.DeleteRange(family, start, end);
        if (IsReadable)
        {
            _overlay.DeleteRange(family, start.ToArray(), end.ToArray());
        }
    }

    /// <summary>What the key holds once the batch is written; null = absent.</summary>
    public byte[]? Read(ColumnFamily family, byte[] key)
    {
        Invariant.Require(IsReadable);
        return _overlay.TryFind(family, key, out byte[]? value) ? value : engine.Get(family, key);
    }

    /// <summary>Writes it, unless it is empty, and begins anew, blind.</summary>
    public void Write()
    {
        if (_batch.Count > 0)
        {
            engine.Write(_batch, sync: false);
            _batch.Clear();
        }

        if (IsReadable)
        {
            _overlay.Clear();
            IsReadable = false;
        }
    }

    public void Dispose() => _batch.Dispose();
}
