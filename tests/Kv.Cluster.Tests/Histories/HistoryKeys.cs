using System.Globalization;
using System.Text;

namespace Kv.Cluster.Tests.Histories;

/// <summary>
/// The keys that all clients share, spread over the whole key space so that every region has some, and the texts by
/// which a history names keys and values. A value's bytes begin with its text; what follows is told by the text, so
/// that a value that was cut or mixed shows. Some are longer than the 64 bytes of a result that is remembered (Once
/// law).
/// </summary>
internal static class HistoryKeys
{
    public const int Count = 12;

    private const int LongEvery = 5;
    private const int LongBytes = 200;
    private const int VeryLongEvery = 61;
    private const int VeryLongBytes = 16 * 1024;

    private static readonly byte[][] Keys = [.. Enumerable.Range(0, Count).Select(
        i => new[] { (byte)(i * 256 / Count), (byte)'k', (byte)('a' + i) })];

    public static byte[] Bytes(int number) => Keys[number];

    /// <summary>An end of a range: the number after the last key is the end of the key space.</summary>
    public static ReadOnlyMemory<byte> Bound(int number) => number == Count ? default : Keys[number];

    /// <summary>Number of a key; −1 = none of these.</summary>
    public static int Find(ReadOnlyMemory<byte> key) => Array.FindIndex(Keys, other => key.Span.SequenceEqual(other));

    public static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"k{number:00}");

    /// <summary>A value that no other operation puts.</summary>
    public static string Value(int client, long number) =>
        string.Create(CultureInfo.InvariantCulture, $"c{client}v{number}");

    public static byte[] Bytes(string value)
    {
        long number = long.Parse(
            value.AsSpan(value.IndexOf('v', StringComparison.Ordinal) + 1), provider: CultureInfo.InvariantCulture);
        int length = number % VeryLongEvery == 0 ? VeryLongBytes : number % LongEvery == 0 ? LongBytes : 0;
        return Encoding.ASCII.GetBytes(value + '.' + new string((char)('a' + (number % 26)), length));
    }

    /// <summary>The text of a value that was read; null = these bytes were never put.</summary>
    public static string? Text(ReadOnlySpan<byte> bytes)
    {
        int dot = bytes.IndexOf((byte)'.');
        string text = Encoding.ASCII.GetString(bytes[..Math.Max(0, dot)]);
        int v = text.IndexOf('v', StringComparison.Ordinal);
        bool isValue = v > 1 && long.TryParse(text.AsSpan(v + 1), CultureInfo.InvariantCulture, out _);
        return isValue && bytes.SequenceEqual(Bytes(text)) ? text : null;
    }
}
