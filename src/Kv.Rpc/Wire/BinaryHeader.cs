using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Kv.Rpc.Wire;

/// <summary>Values of <c>-bin</c> headers: base64, sent without padding, accepted with and without.</summary>
internal static class BinaryHeader
{
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        ReadOnlySpan<char> core = text.Trim(' ').TrimEnd('=');
        bytes = null;
        if (core.Length % 4 == 1)
        {
            return false;
        }

        Span<char> padded = core.Length <= 256 ? stackalloc char[260] : new char[core.Length + 3];
        core.CopyTo(padded);
        int length = core.Length;
        while (length % 4 != 0)
        {
            padded[length++] = '=';
        }

        if (!Base64.IsValid(padded[..length], out int decodedLength))
        {
            return false;
        }

        byte[] result = new byte[decodedLength];
        if (!Convert.TryFromBase64Chars(padded[..length], result, out int written) || written != decodedLength)
        {
            return false;
        }

        bytes = result;
        return true;
    }
}
