using Kv.Testing.History;

namespace Kv.Simulation.Workload;

/// <summary>The keys that all clients share, spread over the whole key space so that every region has work.</summary>
public sealed class KeySet
{
    private readonly byte[][] _keys;
    private readonly Observation?[] _seen;

    public KeySet(int count)
    {
        _keys = new byte[count][];
        _seen = new Observation?[count];
        for (int i = 0; i < count; i++)
        {
            _keys[i] = [(byte)(i * 256 / count), (byte)'k', (byte)i];
        }
    }

    public int Count => _keys.Length;

    /// <summary>Greater than every key.</summary>
    public byte[] AboveAll { get; } = [0xff, 0xff];

    public byte[] this[int number] => _keys[number];

    /// <summary>Whether a key lies in [start, end); an empty end = no end.</summary>
    public bool IsIn(int key, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        _keys[key].AsSpan().SequenceCompareTo(start) >= 0
        && (end.IsEmpty || _keys[key].AsSpan().SequenceCompareTo(end) < 0);

    /// <summary>What some client last saw of a key; null = nobody looked.</summary>
    public Observation? LastSeen(int key) => _seen[key];

    public void NoteSeen(int key, Observation seen) => _seen[key] = seen;
}
