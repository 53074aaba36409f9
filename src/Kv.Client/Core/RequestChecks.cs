using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Checks of arguments before anything is sent. Null = fine.</summary>
internal static class RequestChecks
{
    public static KvInvalidRequestException? Key(int keyBytes, Limits limits)
    {
        if (keyBytes == 0)
        {
            return new KvInvalidRequestException("key", "key: must not be empty");
        }

        return keyBytes > limits.KeyBytesMax
            ? new KvInvalidRequestException("key", $"key: {keyBytes} bytes, the limit is {limits.KeyBytesMax}")
            : null;
    }

    public static KvInvalidRequestException? Mutation(Mutation mutation, Limits limits)
    {
        if (Key(mutation.Key.Length, limits) is { } error)
        {
            return error;
        }

        return mutation.Value.Length > limits.ValueBytesMax
            ? new KvInvalidRequestException(
                "value",
                $"value: {mutation.Value.Length} bytes for key {KeyText.Of(mutation.Key.Span)}, "
                + $"the limit is {limits.ValueBytesMax}")
            : null;
    }

    public static KvInvalidRequestException? Bound(string name, int keyBytes, Limits limits) =>
        keyBytes > limits.KeyBytesMax
            ? new KvInvalidRequestException(name, $"{name}: {keyBytes} bytes, the limit is {limits.KeyBytesMax}")
            : null;

    public static KvInvalidRequestException? Range(
        ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end, Limits limits)
    {
        if ((Bound("start", start.Length, limits) ?? Bound("end", end.Length, limits)) is { } error)
        {
            return error;
        }

        return !end.IsEmpty && start.Span.SequenceCompareTo(end.Span) > 0
            ? new KvInvalidRequestException(
                "end",
                $"end: {KeyText.Of(end.Span)} lies before start {KeyText.Of(start.Span)}; "
                + "give the smaller key as start")
            : null;
    }
}
