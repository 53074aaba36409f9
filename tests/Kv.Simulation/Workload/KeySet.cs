namespace Kv.Simulation.Workload;

/// <summary>The keys that all clients share, spread over the whole key space so that every region has work.</summary>
public sealed class KeySet
{
    private readonly byte[][] _keys;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

    public KeySet(int count)
    {
        _keys = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            _keys[i] = [(byte)(i * 256 / count), (byte)'k', (byte)i];
            _numbers.Add(Convert.ToHexString(_keys[i]), i);
        }
    }

    public int Count => _keys.Length;

    public byte[] this[int number] => _keys[number];

    /// <summary>Number of a key; −1 = none of these.</summary>
    public int Find(ReadOnlySpan<byte> key) => _numbers.GetValueOrDefault(Convert.ToHexString(key), -1);
}
