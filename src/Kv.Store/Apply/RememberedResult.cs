// Owns what an outcome row keeps, beside the revision, of a write that had more to tell than "applied" (Once law).
//
// Bytes: outcome (1 byte, 128 added when the results were dropped), then the results.
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Store.Apply;

/// <summary>Turns the answer to a write into the bytes that are kept for its retries, and back.</summary>
internal static class RememberedResult
{
    /// <summary>Results that take more bytes are dropped: retries are told the outcome alone.</summary>
    public const int ResultBytesMax = 64;

    private const byte Dropped = 0x80;

    /// <summary>Null when there is nothing to keep: it was applied and had nothing to tell.</summary>
    public static byte[]? Of(WriteResult result)
    {
        if (result.Outcome == WriteOutcome.Applied && result.Results.Count == 0)
        {
            return null;
        }

        byte[]? results = ResultCodec.Encode(result.Results, ResultBytesMax);
        return results is null ? [(byte)((byte)result.Outcome | Dropped)] : [(byte)result.Outcome, .. results];
    }

    /// <summary>The answer to a retry.</summary>
    public static WriteResult Restore(ReadOnlySpan<byte> remembered, ulong revision)
    {
        var outcome = (WriteOutcome)(remembered[0] & ~Dropped);
        if (outcome > WriteOutcome.SequenceExhausted)
        {
            throw new MalformedDataException($"outcome {(int)outcome} of a write is not known to this version");
        }

        var result = new WriteResult { Revision = revision, Outcome = outcome };
        result.ResultsDropped = (remembered[0] & Dropped) != 0;
        ResultCodec.Decode(remembered[1..], result.Results);
        return result;
    }
}
