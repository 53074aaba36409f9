using System.Text;

namespace Kv.Rpc.Wire;

/// <summary>The text of <c>grpc-message</c>: UTF-8, with every byte outside printable ASCII, and '%', written as
/// %XX.</summary>
internal static class StatusMessage
{
    // A status goes into a header block whose size peers bound (8 KiB is usual): a longer text is cut.
    public const int CharsMax = 1024;

    public static string Encode(string text)
    {
        if (text.Length > CharsMax)
        {
            text = text[..CharsMax] + "...";
        }

        if (IsPlain(text))
        {
            return text;
        }

        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        StringBuilder encoded = new(utf8.Length + 16);
        foreach (byte b in utf8)
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%')
            {
                encoded.Append((char)b);
            }
            else
            {
                encoded.Append('%').Append(Hex(b >> 4)).Append(Hex(b & 0xF));
            }
        }

        return encoded.ToString();
    }

    /// <summary>Never fails: what is no valid escape stays as it came, what is no valid UTF-8 becomes U+FFFD.</summary>
    public static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        byte[] raw = Encoding.UTF8.GetBytes(text);
        int length = 0;
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] == '%'
                && i + 2 < raw.Length
                && HexValue(raw[i + 1]) is int high and >= 0
                && HexValue(raw[i + 2]) is int low and >= 0)
            {
                raw[length++] = (byte)((high << 4) | low);
                i += 2;
            }
            else
            {
                raw[length++] = raw[i];
            }
        }

        return Encoding.UTF8.GetString(raw, 0, length);
    }

    private static bool IsPlain(string text) =>
        MetadataNames.IsPrintableAscii(text) && !text.Contains('%', StringComparison.Ordinal);

    private static char Hex(int nibble) => (char)(nibble < 10 ? '0' + nibble : 'A' + nibble - 10);

    private static int HexValue(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => -1,
    };
}
