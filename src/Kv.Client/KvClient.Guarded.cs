using Google.Protobuf;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client;

// Conditions, values handed back, ranges, sequences. All of them are writes: undetermined outcomes as for a put.
public sealed partial class KvClient
{
    /// <summary>
    /// Sets a key unless it exists. That it exists is no error: the receipt says so, and what it holds. A retry inside
    /// the client is told what the first attempt found, so a receipt never mistakes its own write for another's.
    /// </summary>
    public ValueTask<ConditionalReceipt> PutIfAbsentAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default) =>
        RunConditionalAsync(NewMutation(MutationKind.PutIfAbsent, key, value), cancellationToken);

    /// <summary>
    /// Sets a key if it is as <paramref name="expected"/>: absent, of certain bytes, or of a certain revision. That it
    /// is not is no error: the receipt says so, and what it is instead.
    /// </summary>
    public ValueTask<ConditionalReceipt> CompareAndPutAsync(
        ReadOnlyMemory<byte> key,
        KvExpectation expected,
        ReadOnlyMemory<byte> value,
        CancellationToken cancellationToken = default)
    {
        Mutation mutation = NewMutation(MutationKind.CompareAndPut, key, value);
        mutation.Expected = expected.ToMessage();
        return RunConditionalAsync(mutation, cancellationToken);
    }

    /// <summary>
    /// Deletes a key if it is as <paramref name="expected"/>: of certain bytes or of a certain revision; to expect it
    /// absent is refused. That it is not so is no error: the receipt says so, and what it is instead.
    /// </summary>
    public ValueTask<ConditionalReceipt> CompareAndDeleteAsync(
        ReadOnlyMemory<byte> key, KvExpectation expected, CancellationToken cancellationToken = default)
    {
        Mutation mutation = NewMutation(MutationKind.CompareAndDelete, key, default);
        mutation.Expected = expected.ToMessage();
        return RunConditionalAsync(mutation, cancellationToken);
    }

    /// <summary>
    /// Sets a key and returns what it held before; null = it was absent. Throws <see cref="KvResultDroppedException"/>
    /// when the key was set, but the answer was lost and the value before was too large (64 bytes) to be remembered for
    /// the retry.
    /// </summary>
    public async ValueTask<ValueWithRevision?> GetAndPutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        var write = WriteOperation.Of(NewMutation(MutationKind.GetAndPut, key, value));
        await RunAsync(write, cancellationToken).ConfigureAwait(false);
        MutationResult result = Told(write, KeyText.Of(key.Span));
        return Results.ToValue(result);
    }

    /// <summary>
    /// Deletes all keys of [<paramref name="start"/>, <paramref name="end"/>); an empty start is the first key, an
    /// empty end past the last: two empty bounds delete everything. Sequences stay. It goes region by region; in each,
    /// the keys of the range go together and exactly once, between regions there is no atomicity: keys that others put
    /// behind it meanwhile stay. The time budget is for each region. When it ends on the way, after something was
    /// deleted, it throws <see cref="KvDeleteRangeException"/>, which says how far it came; before that, as any write.
    /// </summary>
    public async ValueTask<DeleteRangeResult> DeleteRangeAsync(
        ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end, CancellationToken cancellationToken = default)
    {
        // The caller's bytes may change once this has returned its task.
        byte[] last = end.ToArray();
        ReadOnlyMemory<byte> next = start;
        int regions = 0;
        while (true)
        {
            var slice = new DeleteRangeOperation(next.Span, last);
            try
            {
                await RunAsync(slice, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception cause) when (regions + slice.AppliedCount > 0)
            {
                var done = new DeleteRangeResult
                {
                    RegionCount = regions + slice.AppliedCount, Next = next.ToArray(), Finished = false,
                };
                throw new KvDeleteRangeException(
                    $"the range was deleted in {done.RegionCount} regions, then it ended at key "
                    + $"{KeyText.Of(done.Next.Span)}: {cause.Message}",
                    done,
                    cause);
            }

            regions += slice.AppliedCount;
            next = slice.RestStart.Memory;
            if (slice.Finished)
            {
                return new DeleteRangeResult { RegionCount = regions, Next = next, Finished = true };
            }
        }
    }

    /// <summary>
    /// Takes the next <paramref name="count"/> numbers, at least 1, of the key's sequence, which begins at 0 and has
    /// nothing to do with the key's value. No number is handed out twice, unless the sequence is reset; numbers of an
    /// undetermined call may be lost. Throws <see cref="KvSequenceExhaustedException"/> when they would pass 2^63 - 1.
    /// </summary>
    public async ValueTask<SequenceBlock> NextSequenceAsync(
        ReadOnlyMemory<byte> key, long count = 1, CancellationToken cancellationToken = default)
    {
        if (count < 1)
        {
            throw new KvInvalidRequestException("count", $"count: {count}, must be 1 or more");
        }

        long start = await RunSequenceAsync(MutationKind.Sequence, key, count, cancellationToken).ConfigureAwait(false);
        return new SequenceBlock(start, start + count);
    }

    /// <summary>The number that the key's sequence hands out next. Like a read: it takes nothing.</summary>
    public ValueTask<long> GetSequenceAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        RunSequenceAsync(MutationKind.Sequence, key, 0, cancellationToken);

    /// <summary>
    /// Lets the key's sequence go on at <paramref name="next"/>, 0 or more, and returns where it stood before. Numbers
    /// from there on will be handed out, whether or not they were before.
    /// </summary>
    public ValueTask<long> ResetSequenceAsync(
        ReadOnlyMemory<byte> key, long next = 0, CancellationToken cancellationToken = default) =>
        RunSequenceAsync(MutationKind.SequenceReset, key, next, cancellationToken);

    private static Mutation NewMutation(
        MutationKind kind, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) => new()
        {
            Kind = kind,
            Key = ByteString.CopyFrom(key.Span),
            Value = ByteString.CopyFrom(value.Span),
        };

    /// <summary>What the only mutation was told; it always is, unless that was forgotten.</summary>
    private static MutationResult Told(WriteOperation write, string key) =>
        write.Result is { ValueDropped: false } result
        ? result
        : throw new KvResultDroppedException(
            $"the write of key {key} was applied as revision {write.Revision}, but its result is lost: it was too "
            + "large to be remembered for the retry",
            new WriteReceipt(write.Revision, write.RegionId));

    private async ValueTask<ConditionalReceipt> RunConditionalAsync(
        Mutation mutation, CancellationToken cancellationToken)
    {
        var write = WriteOperation.Of(mutation);
        await RunAsync(write, cancellationToken).ConfigureAwait(false);
        MutationResult? result = write.Result;
        return new ConditionalReceipt
        {
            Applied = write.Applied,
            Revision = write.Revision,
            RegionId = write.RegionId,
            Current = result is null ? null : Results.ToValue(result),
            CurrentDropped = write.ResultsDropped || result is { ValueDropped: true },
        };
    }

    private async ValueTask<long> RunSequenceAsync(
        MutationKind kind, ReadOnlyMemory<byte> key, long number, CancellationToken cancellationToken)
    {
        var write = WriteOperation.Of(
            new Mutation { Kind = kind, Key = ByteString.CopyFrom(key.Span), Number = number });
        await RunAsync(write, cancellationToken).ConfigureAwait(false);
        return Told(write, KeyText.Of(key.Span)).Start;
    }
}
