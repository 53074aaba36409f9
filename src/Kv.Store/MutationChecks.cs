// Owns what a client can get wrong about keys and mutations, and its names. Null = fine.
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>Refuses wrong mutations by name, before they cost anything.</summary>
internal static class MutationChecks
{
    public static RegionError? Key(ReadOnlySpan<byte> key, Limits limits)
    {
        if (key.IsEmpty)
        {
            return Errors.Invalid("key", "the key is empty; a key has at least one byte");
        }

        return key.Length > limits.KeyBytesMax
            ? Errors.Invalid("key", $"the key has {key.Length} bytes, at most {limits.KeyBytesMax} are allowed")
            : null;
    }

    /// <summary>Checks a whole write; <paramref name="keys"/> are the internal keys beside its mutations.</summary>
    public static RegionError? Check(WriteCommand write, Limits limits, out List<byte[]> keys, out bool hasRange)
    {
        keys = [];
        hasRange = false;
        if (write.Mutations.Count == 0)
        {
            return Errors.Invalid("mutations", "the write holds no mutation");
        }

        if (write.Mutations.Count > limits.BatchCountMax)
        {
            return Errors.Invalid("mutations",
                $"the write holds {write.Mutations.Count} mutations, at most {limits.BatchCountMax} are allowed");
        }

        if (write.FirstIndex > int.MaxValue - (uint)write.Mutations.Count)
        {
            return Errors.Invalid("first_index", $"no write has a mutation at place {write.FirstIndex}");
        }

        long bytes = 0;
        foreach (Mutation mutation in write.Mutations)
        {
            if (Check(mutation, limits) is { } wrong)
            {
                return wrong;
            }

            bytes += mutation.Key.Length + mutation.Value.Length + mutation.EndKey.Length
                + (mutation.Expected?.Value.Length ?? 0);
            hasRange |= mutation.Kind == MutationKind.DeleteRange;
            keys.Add(KeySpace.ToInternal(mutation.Key.Span));
        }

        return bytes > limits.BatchBytesMax
            ? Errors.Invalid("mutations", $"the write has {bytes} bytes, at most {limits.BatchBytesMax} are allowed")
            : null;
    }

    private static RegionError? Check(Mutation mutation, Limits limits)
    {
        if (mutation.Kind is < MutationKind.Put or > MutationKind.SequenceReset)
        {
            return Errors.Invalid("mutations", $"mutation kind {(int)mutation.Kind} is not known to this store");
        }

        if (mutation.Kind == MutationKind.DeleteRange)
        {
            return Range(mutation, limits) ?? Unused(mutation);
        }

        if (Key(mutation.Key.Span, limits) is { } wrong)
        {
            return wrong;
        }

        if (mutation.Value.Length > limits.ValueBytesMax)
        {
            return Errors.Invalid("value",
                $"the value has {mutation.Value.Length} bytes, at most {limits.ValueBytesMax} are allowed");
        }

        if (mutation.Kind is MutationKind.CompareAndPut or MutationKind.CompareAndDelete
            && Expected(mutation, limits) is { } unexpected)
        {
            return unexpected;
        }

        return mutation.Number < 0
            ? Errors.Invalid("number", $"a sequence cannot go by or to {mutation.Number}; 0 is the least")
            : Unused(mutation);
    }

    private static RegionError? Expected(Mutation mutation, Limits limits)
    {
        Expectation? expected = mutation.Expected;
        switch (expected?.KindCase)
        {
            case Expectation.KindOneofCase.Value when expected.Value.Length > limits.ValueBytesMax:
                return Errors.Invalid("expected", $"the expected value has {expected.Value.Length} bytes, at most"
                    + $" {limits.ValueBytesMax} are allowed");
            case Expectation.KindOneofCase.Value:
                return null;
            case Expectation.KindOneofCase.Revision:
                return expected.Revision > 0
                    ? null
                    : Errors.Invalid("expected", "no write has revision 0; to expect no key, say absent");
            case Expectation.KindOneofCase.Absent when !expected.Absent:
                return Errors.Invalid("expected", "absent can only be true");
            case Expectation.KindOneofCase.Absent:
                return mutation.Kind == MutationKind.CompareAndPut
                    ? null
                    : Errors.Invalid("expected", "a key that is expected to be absent cannot be deleted");
            case Expectation.KindOneofCase.None:
            case null:
            default:
                return Errors.Invalid("expected", mutation.Kind == MutationKind.CompareAndPut
                    ? "a compare-and-put says what it expects: absent, a value or a revision"
                    : "a compare-and-delete says what it expects: a value or a revision");
        }
    }

    /// <summary>An empty start is the first key, an empty end the region's.</summary>
    private static RegionError? Range(Mutation mutation, Limits limits)
    {
        if (mutation.Key.Length > limits.KeyBytesMax || mutation.EndKey.Length > limits.KeyBytesMax)
        {
            return Errors.Invalid("key", $"a bound of the range is longer than {limits.KeyBytesMax} bytes");
        }

        return !mutation.EndKey.IsEmpty && mutation.Key.Span.SequenceCompareTo(mutation.EndKey.Span) >= 0
            ? Errors.Invalid("end_key", "the range's end key does not lie after its start key")
            : null;
    }

    /// <summary>A field that the kind has no use for: whoever set it expects something that would not happen.</summary>
    private static RegionError? Unused(Mutation mutation)
    {
        MutationKind kind = mutation.Kind;
        string? field =
            mutation.Expected is not null && kind is not (MutationKind.CompareAndPut or MutationKind.CompareAndDelete)
                ? "expected"
            : !mutation.EndKey.IsEmpty && kind != MutationKind.DeleteRange ? "end_key"
            : mutation.Number != 0 && kind is not (MutationKind.Sequence or MutationKind.SequenceReset) ? "number"
            : !mutation.Value.IsEmpty && kind is not (MutationKind.Put or MutationKind.PutIfAbsent
                or MutationKind.CompareAndPut or MutationKind.GetAndPut) ? "value"
            : null;
        return field is null
            ? null
            : Errors.Invalid(field, $"a mutation of kind {kind} has no use for the field {field}");
    }
}
