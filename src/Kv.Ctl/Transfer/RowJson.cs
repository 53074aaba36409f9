using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kv.Ctl.Data;
using Kv.Ctl.Text;
using Kv.Protocol;

namespace Kv.Ctl.Transfer;

/// <summary>
/// One key and value as one line of JSON, <c>{"key":"…","value":"…"}</c>, in the text forms of <see cref="ByteText"/>:
/// what import reads and export and scan write.
/// </summary>
internal static class RowJson
{
    /// <summary>
    /// Longest line: the longest key and value with each byte escaped in JSON (six characters), and some room.
    /// </summary>
    public const int LineBytesMax = 6 * (Limits.KeyBytesCeiling + Limits.ValueBytesCeiling) + 1024;

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes the row and a line end. Without a value the object has only the key.</summary>
    public static void Write(
        IBufferWriter<byte> output, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool keysOnly = false)
    {
        using (var json = new Utf8JsonWriter(output, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("key"u8, ByteText.Format(key, TextCarrier.Json));
            if (!keysOnly)
            {
                json.WriteString("value"u8, ByteText.Format(value, TextCarrier.Json));
            }

            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    /// <summary>
    /// Reads a line; false, with the reason in <paramref name="error"/>, when it is not such a row within the limits.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out KeyValueRow row, [NotNullWhen(false)] out string? error)
    {
        row = default;
        try
        {
            error = Read(line, out byte[]? key, out byte[]? value) ?? Judge(key, value);
            if (error is null)
            {
                row = new KeyValueRow(key, value);
            }

            return error is null;
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that is not UTF-8, or holds half a character.
            error = "it is not JSON: " + cause.Message;
            return false;
        }
        catch (FormatException cause)
        {
            error = cause.Message;
            return false;
        }
    }

    private static string? Read(ReadOnlySpan<byte> line, out byte[]? key, out byte[]? value)
    {
        key = null;
        value = null;
        var reader = new Utf8JsonReader(line);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return """it is not an object such as {"key":"k","value":"v"}""";
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (name is not ("key" or "value"))
            {
                return $"it has a property '{name}'; only \"key\" and \"value\" are known";
            }

            if ((name == "key" ? key : value) is not null)
            {
                return $"it has \"{name}\" twice";
            }

            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                return $"\"{name}\" is not a string";
            }

            byte[] bytes = ByteText.Parse(reader.GetString()!);
            if (name == "key")
            {
                key = bytes;
            }
            else
            {
                value = bytes;
            }
        }

        // Reads on to the end: anything behind the object is an error that the reader throws.
        while (reader.Read())
        {
        }

        return null;
    }

    private static string? Judge(byte[]? key, byte[]? value) => (key, value) switch
    {
        (null, _) => "\"key\" is missing",
        (_, null) => "\"value\" is missing",
        ({ Length: 0 }, _) => "the key is empty",
        ({ Length: > Limits.KeyBytesCeiling }, _) =>
            $"the key has {key.Length} bytes, more than {Limits.KeyBytesCeiling}",
        (_, { Length: > Limits.ValueBytesCeiling }) =>
            $"the value has {value.Length} bytes, more than {Limits.ValueBytesCeiling}",
        _ => null,
    };
}
