using System.Text;

namespace Kv.Engine.Tests.Engines;

/// <summary>Short forms for tests: text one byte per character, walks as lists.</summary>
internal static class Bytes
{
    internal static byte[] Of(string text) => Encoding.Latin1.GetBytes(text);

    internal static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>Every "key=value" between the bounds in rising order.</summary>
    internal static List<string> Walk(
        this IEngineReader reader, string start = "", string? end = null, ColumnFamily family = ColumnFamily.Data)
    {
        using IEngineIterator iterator = reader.Open(start, end, family);
        var found = new List<string>();
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
        {
            found.Add($"{Text(iterator.Key)}={Text(iterator.Value)}");
        }

        return found;
    }

    /// <summary>Every "key=value" between the bounds in falling order.</summary>
    internal static List<string> WalkBack(
        this IEngineReader reader, string start = "", string? end = null, ColumnFamily family = ColumnFamily.Data)
    {
        using IEngineIterator iterator = reader.Open(start, end, family);
        var found = new List<string>();
        for (iterator.SeekToLast(); iterator.Valid; iterator.Prev())
        {
            found.Add($"{Text(iterator.Key)}={Text(iterator.Value)}");
        }

        return found;
    }

    internal static IEngineIterator Open(
        this IEngineReader reader, string start = "", string? end = null, ColumnFamily family = ColumnFamily.Data) =>
        reader.Iterate(family, Of(start), end is null ? null : Of(end));
}
