using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Kv.Ctl.Text;

/// <summary>
/// Keys and values as text. Read: <c>0x…</c> is hexadecimal, <c>b64:…</c> is base64, <c>text:…</c> is the text behind
/// the colon, all else is itself, in UTF-8. Written: text where it is readable, <c>text:…</c> where plain text would be
/// read as something else (another form, an option, standard input, nothing at all) or begins with a blank, and
/// <c>0x…</c>
/// otherwise: also for text that ends with a blank, which nobody sees on a line. Whatever <see cref="Format"/> returns,
/// <see cref="Parse"/> turns into the same bytes.
/// </summary>
internal static class ByteText
{
    private const string HexPrefix = "0x";
    private const string Base64Prefix = "b64:";
    private const string TextPrefix = "text:";

    private static readonly UTF8Encoding StrictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// Throws <see cref="FormatException"/> with a one-line message when <paramref name="text"/> is none of the forms.
    /// </summary>
    public static byte[] Parse(string text)
    {
        if (text.StartsWith(HexPrefix, StringComparison.Ordinal))
        {
            return ParseHex(text);
        }

        if (text.StartsWith(Base64Prefix, StringComparison.Ordinal))
        {
            return ParseBase64(text);
        }

        string plain = text.StartsWith(TextPrefix, StringComparison.Ordinal) ? text[TextPrefix.Length..] : text;
        try
        {
            return StrictUtf8.GetBytes(plain);
        }
        catch (EncoderFallbackException cause)
        {
            throw new FormatException(
                "the text holds half a character (an unpaired surrogate); write such bytes as 0x…", cause);
        }
    }

    /// <summary>The most readable form of <paramref name="bytes"/> that reads back as exactly them.</summary>
    public static string Format(ReadOnlySpan<byte> bytes, TextCarrier carrier = TextCarrier.Line)
    {
        if (!TryDecode(bytes, out string? text) || !IsReadable(text, carrier))
        {
            return HexPrefix + Convert.ToHexStringLower(bytes);
        }

        return NeedsPrefix(text) ? TextPrefix + text : text;
    }

    private static byte[] ParseHex(string text)
    {
        try
        {
            return Convert.FromHexString(text.AsSpan(HexPrefix.Length));
        }
        catch (FormatException cause)
        {
            throw new FormatException(
                $"'{Shorten(text)}' starts with 0x but is not pairs of hexadecimal digits; write "
                    + $"text:{Shorten(text)} to mean the text itself",
                cause);
        }
    }

    private static byte[] ParseBase64(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan(Base64Prefix.Length);
        byte[] bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(digits.Length)];
        if (!Base64.IsValid(digits) || !Convert.TryFromBase64Chars(digits, bytes, out int length))
        {
            throw new FormatException(
                $"'{Shorten(text)}' starts with b64: but is not base64; write text:{Shorten(text)} to mean the "
                    + "text itself");
        }

        return bytes[..length];
    }

    private static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? text)
    {
        try
        {
            text = StrictUtf8.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = null;
            return false;
        }
    }

    private static bool IsReadable(string text, TextCarrier carrier)
    {
        if (carrier == TextCarrier.Line && text.EndsWith(' '))
        {
            return false;
        }

        foreach (Rune rune in text.EnumerateRunes())
        {
            bool readable = carrier switch
            {
                TextCarrier.Json => rune.Value != 0,
                TextCarrier.Line => IsVisible(rune),
                _ => throw new ArgumentOutOfRangeException(nameof(carrier)),
            };
            if (!readable)
            {
                return false;
            }
        }

        return true;
    }

    // Blanks other than the space, and characters that only steer, look like nothing and do not survive a copy by
    // mouse.
    private static bool IsVisible(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator => false,
        UnicodeCategory.SpaceSeparator => rune.Value == ' ',
        _ => true,
    };

    private static bool NeedsPrefix(string text) =>
        text.Length == 0
        || text[0] == '-'
        || char.IsWhiteSpace(text[0])
        || char.IsWhiteSpace(text[^1])
        || text.StartsWith(HexPrefix, StringComparison.Ordinal)
        || text.StartsWith(Base64Prefix, StringComparison.Ordinal)
        || text.StartsWith(TextPrefix, StringComparison.Ordinal);

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
