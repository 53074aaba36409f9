namespace Kv.Base;

/// <summary>Unsigned lexicographic order of bytes: the order of every key in every layer.</summary>
public sealed class KeyOrder : IComparer<ReadOnlyMemory<byte>>, IComparer<byte[]>
{
    public static readonly KeyOrder Instance = new();

    private KeyOrder()
    {
    }

    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceCompareTo(y.Span);

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);

    /// <summary>
    /// The smallest key above every key that starts with <paramref name="prefix"/>; null when there is none (empty, or
    /// all 0xFF), which as an end of a range means "to the end".
    /// </summary>
    public static byte[]? PrefixEnd(ReadOnlySpan<byte> prefix)
    {
        for (int i = prefix.Length - 1; i >= 0; i--)
        {
            if (prefix[i] != 0xFF)
            {
                byte[] end = prefix[..(i + 1)].ToArray();
                end[i]++;
                return end;
            }
        }

        return null;
    }
}
