using Kv.Base;

namespace Kv.Client.Core;

internal static class ScanRange
{
    /// <summary>
    /// The range that options describe: what start, end and prefix have in common. May be empty (start at or above
    /// end).
    /// </summary>
    public static (ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End) Of(ScanOptions options)
    {
        ReadOnlyMemory<byte> start = options.Start;
        ReadOnlyMemory<byte> end = options.End;
        if (options.Prefix.IsEmpty)
        {
            return (start, end);
        }

        if (start.Span.SequenceCompareTo(options.Prefix.Span) < 0)
        {
            start = options.Prefix;
        }

        byte[]? prefixEnd = KeyOrder.PrefixEnd(options.Prefix.Span);
        if (prefixEnd is not null && (end.IsEmpty || prefixEnd.AsSpan().SequenceCompareTo(end.Span) < 0))
        {
            end = prefixEnd;
        }

        return (start, end);
    }
}
