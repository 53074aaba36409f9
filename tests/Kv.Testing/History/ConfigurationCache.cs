using System.Numerics;

namespace Kv.Testing.History;

/// <summary>
/// The configurations that a search has been in: which operations are linearized, and the state. Found by hash, decided
/// by comparing all words. The memory is kept from one search to the next.
/// </summary>
internal sealed class ConfigurationCache
{
    /// <summary>
    /// 64 MiB of words at the usual 4 a configuration, many times what the longest good histories need.
    /// </summary>
    public const int ConfigurationsMax = 1 << 21;

    private ulong[] _words = new ulong[1 << 12];
    private int[] _starts = new int[1 << 10];
    private int[] _table = new int[1 << 11];
    private ulong[] _hashes = new ulong[1 << 10];
    private int _count;
    private int _used;

    public bool IsFull => _count >= ConfigurationsMax;

    public void Clear()
    {
        if (_count > 0)
        {
            Array.Clear(_table);
        }

        _count = 0;
        _used = 0;
    }

    /// <summary>True when the configuration is new.</summary>
    public bool Add(ReadOnlySpan<ulong> key)
    {
        ulong hash = Hash(key);
        int mask = _table.Length - 1;
        int slot = (int)hash & mask;
        for (; _table[slot] != 0; slot = (slot + 1) & mask)
        {
            int found = _table[slot] - 1;
            if (_hashes[found] == hash && KeyOf(found).SequenceEqual(key))
            {
                return false;
            }
        }

        if (_count + 1 >= _starts.Length)
        {
            Array.Resize(ref _starts, _starts.Length * 2);
            Array.Resize(ref _hashes, _hashes.Length * 2);
        }

        while (_used + key.Length > _words.Length)
        {
            Array.Resize(ref _words, _words.Length * 2);
        }

        key.CopyTo(_words.AsSpan(_used));
        _starts[_count] = _used;
        _hashes[_count] = hash;
        _used += key.Length;
        _table[slot] = ++_count;
        _starts[_count] = _used;
        if (_count * 2 > _table.Length)
        {
            Rehash();
        }

        return true;
    }

    private ReadOnlySpan<ulong> KeyOf(int number) => _words.AsSpan(_starts[number].._starts[number + 1]);

    private void Rehash()
    {
        _table = new int[_table.Length * 2];
        int mask = _table.Length - 1;
        for (int i = 0; i < _count; i++)
        {
            int slot = (int)_hashes[i] & mask;
            while (_table[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            _table[slot] = i + 1;
        }
    }

    private static ulong Hash(ReadOnlySpan<ulong> key)
    {
        ulong hash = (ulong)key.Length;
        foreach (ulong word in key)
        {
            hash = (BitOperations.RotateLeft(hash, 27) ^ word) * 0x9E3779B97F4A7C15;
            hash ^= hash >> 29;
        }

        return hash;
    }
}
