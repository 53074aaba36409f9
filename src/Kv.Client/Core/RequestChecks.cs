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

        if (mutation.Value.Length > limits.ValueBytesMax)
        {
            return new KvInvalidRequestException(
                "value",
                $"value: {mutation.Value.Length} bytes for key {KeyText.Of(mutation.Key.Span)}, "
                + $"the limit is {limits.ValueBytesMax}");
        }

        return mutation.Kind is MutationKind.CompareAndPut or MutationKind.CompareAndDelete
            ? Expected(mutation, limits)
            : mutation.Number < 0
                ? new KvInvalidRequestException("number", $"number: {mutation.Number}, must be 0 or more")
                : null;
    }

    public static KvInvalidRequestException? Bound(string name, int keyBytes, Limits limits) =>
        keyBytes > limits.KeyBytesMax
            ? new KvInvalidRequestException(name, $"{name}: {keyBytes} bytes, the limit is {limits.KeyBytesMax}")
            : null;

    private static KvInvalidRequestException? Expected(Mutation mutation, Limits limits) => mutation.Expected switch
    {
        { KindCase: Expectation.KindOneofCase.Value } expected when expected.Value.Length > limits.ValueBytesMax =>
            new KvInvalidRequestException(
                "expected",
                $"expected: {expected.Value.Length} bytes for key {KeyText.Of(mutation.Key.Span)}, "
                + $"the limit is {limits.ValueBytesMax}"),
        { KindCase: Expectation.KindOneofCase.Value } => null,
        { KindCase: Expectation.KindOneofCase.Revision, Revision: 0 } =>
            new KvInvalidRequestException(
                "expected", "expected: no write has revision 0; to expect no key, say absent"),
        { KindCase: Expectation.KindOneofCase.Revision } => null,
        { KindCase: Expectation.KindOneofCase.Absent } when mutation.Kind == MutationKind.CompareAndDelete =>
            new KvInvalidRequestException(
                "expected",
                "expected: a key that is expected to be absent cannot be deleted; give a value or revision"),
        { KindCase: Expectation.KindOneofCase.Absent } => null,
        _ => new KvInvalidRequestException("expected", "expected: nothing is expected; give absent, value or revision"),
    };

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
