namespace Kv.Testing.History;

/// <summary>
/// A bitset that knows its first word with a gap and its last word with a bit, so that its key is short.
/// </summary>
internal sealed class OperationSet
{
    private ulong[] _words = [0];
    private int _firstOpenWord;
    private int _lastUsedWord;

    public void Clear(int count)
    {
        int words = (count / 64) + 1;
        if (_words.Length < words)
        {
            _words = new ulong[words * 2];
        }
        else
        {
            Array.Clear(_words);
        }

        _firstOpenWord = 0;
        _lastUsedWord = 0;
    }

    public bool Contains(int number) => (_words[number >> 6] >> (number & 63) & 1) != 0;

    public void Add(int number)
    {
        int word = number >> 6;
        _words[word] |= 1UL << (number & 63);
        _lastUsedWord = Math.Max(_lastUsedWord, word);
        while (_firstOpenWord < _words.Length - 1 && _words[_firstOpenWord] == ulong.MaxValue)
        {
            _firstOpenWord++;
        }
    }

    public void Remove(int number)
    {
        int word = number >> 6;
        _words[word] &= ~(1UL << (number & 63));
        _firstOpenWord = Math.Min(_firstOpenWord, word);
        while (_lastUsedWord > 0 && _words[_lastUsedWord] == 0)
        {
            _lastUsedWord--;
        }
    }

    /// <summary>Appends words that differ for different sets; returns how many.</summary>
    public int WriteKey(Span<ulong> key)
    {
        int length = Math.Max(0, _lastUsedWord - _firstOpenWord + 1);
        key[0] = ((ulong)(uint)_firstOpenWord << 32) | (uint)length;
        _words.AsSpan(_firstOpenWord, length).CopyTo(key[1..]);
        return length + 1;
    }

    public int KeyWordsMax => _words.Length + 1;

    /// <summary>The set as words of a fixed length.</summary>
    public ulong[] ToWords(int count) => _words.AsSpan(0, (count / 64) + 1).ToArray();
}
