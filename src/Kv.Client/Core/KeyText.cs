using System.Text;

namespace Kv.Client.Core;

/// <summary>Keys as error texts show them: short, printable, on one line.</summary>
internal static class KeyText
{
    private const int ShownBytesMax = 40;

    public static string Of(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> shown = key[..Math.Min(key.Length, ShownBytesMax)];
        bool printable = true;
        foreach (byte b in shown)
        {
            printable &= b is >= 0x20 and < 0x7F;
        }

        string text = printable ? $"\"{Encoding.ASCII.GetString(shown)}\"" : $"0x{Convert.ToHexStringLower(shown)}";
        return shown.Length < key.Length ? $"{text}… ({key.Length} bytes)" : text;
    }
}
