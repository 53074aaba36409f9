using System.Globalization;
using System.Text.Json;
using Kv.Ctl.Text;

namespace Kv.Ctl.Output;

/// <summary>One value of a report in the three ways it is printed.</summary>
/// <param name="Table">For people: with units and separators.</param>
/// <param name="Plain">For shells: the bare value.</param>
/// <param name="WriteJson">Writes the value, without its name.</param>
internal sealed record Cell(string Table, string Plain, Action<Utf8JsonWriter> WriteJson)
{
    public static Cell Of(string text) => new(text, text, json => json.WriteStringValue(text));

    public static Cell Of(ulong number) =>
        new(QuantityText.Count(number), Bare(number), json => json.WriteNumberValue(number));

    public static Cell Of(bool value) =>
        new(value ? "yes" : "no", value ? "true" : "false", json => json.WriteBooleanValue(value));

    /// <summary>An identifier: a number without separators.</summary>
    public static Cell Id(ulong id) => new(Bare(id), Bare(id), json => json.WriteNumberValue(id));

    /// <summary>An identifier where 0 means that it is not known.</summary>
    public static Cell IdOrNone(ulong id) => id == 0 ? None : Id(id);

    public static Cell Bytes(ulong bytes) =>
        new(QuantityText.Bytes(bytes), Bare(bytes), json => json.WriteNumberValue(bytes));

    public static Cell Ms(ulong milliseconds) =>
        new(DurationText.Format(TimeSpan.FromMilliseconds(milliseconds)), Bare(milliseconds), json =>
            json.WriteNumberValue(milliseconds));

    public static Cell Key(ReadOnlyMemory<byte> key)
    {
        string line = ByteText.Format(key.Span);
        return new Cell(line, line, json => json.WriteStringValue(ByteText.Format(key.Span, TextCarrier.Json)));
    }

    /// <summary>Not known, or does not apply.</summary>
    public static Cell None { get; } = new("-", "-", json => json.WriteNullValue());

    private static string Bare(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
