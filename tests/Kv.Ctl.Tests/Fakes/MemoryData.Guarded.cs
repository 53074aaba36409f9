using Kv.Base;
using Kv.Client;
using Kv.Ctl.Data;

namespace Kv.Ctl.Tests.Fakes;

// Conditions, ranges and sequences. A value's revision is the number of such writes before it, plus 1.
internal sealed partial class MemoryData
{
    private readonly Dictionary<string, long> _sequences = [];
    private readonly SortedDictionary<byte[], ulong> _revisions = new(KeyOrder.Instance);
    private ulong _revision;

    /// <summary>What the next guarded write throws instead of being done.</summary>
    public KvException? NextGuardedFailure { get; set; }

    /// <summary>What the last conditional write expected.</summary>
    public KvExpectation LastExpectation { get; private set; }

    /// <summary>The last range that was deleted.</summary>
    public ScanRange? LastRange { get; private set; }

    public ValueTask<bool> ExistsAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        Check(key, default);
        return ValueTask.FromResult(Find(key) is not null);
    }

    public ValueTask<IReadOnlyList<ValueWithRevision?>> GetManyAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<ValueWithRevision?>>([.. keys.Select(Find)]);

    public ValueTask<ConditionalReceipt> PutIfAsync(
        ReadOnlyMemory<byte> key,
        KvExpectation expected,
        ReadOnlyMemory<byte> value,
        CancellationToken cancellationToken)
    {
        Check(key, value);
        return ValueTask.FromResult(If(key, expected, () =>
        {
            _rows[key.ToArray()] = value.ToArray();
            _revisions[key.ToArray()] = _revision;
        }));
    }

    public ValueTask<ConditionalReceipt> DeleteIfAsync(
        ReadOnlyMemory<byte> key, KvExpectation expected, CancellationToken cancellationToken) =>
        ValueTask.FromResult(If(key, expected, () => _rows.Remove(key.ToArray())));

    public ValueTask<ValueWithRevision?> GetAndPutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        MaybeFail();
        ValueWithRevision? before = Find(key);
        _rows[key.ToArray()] = value.ToArray();
        _revisions[key.ToArray()] = ++_revision;
        return ValueTask.FromResult(before);
    }

    public ValueTask<DeleteRangeResult> DeleteRangeAsync(ScanRange range, CancellationToken cancellationToken)
    {
        MaybeFail();
        LastRange = range;
        foreach (byte[] key in _rows.Keys.ToArray())
        {
            if (KeyOrder.Instance.Compare(key, range.Start) >= 0
                && (range.End is null || KeyOrder.Instance.Compare(key, range.End) < 0))
            {
                _rows.Remove(key);
            }
        }

        return ValueTask.FromResult(new DeleteRangeResult { RegionCount = 3, Next = default, Finished = true });
    }

    public ValueTask<SequenceBlock> NextSequenceAsync(
        ReadOnlyMemory<byte> key, long count, CancellationToken cancellationToken)
    {
        MaybeFail();
        long next = Stand(key);
        _sequences[Convert.ToHexString(key.Span)] = next + count;
        return ValueTask.FromResult(new SequenceBlock(next, next + count));
    }

    public ValueTask<long> GetSequenceAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Stand(key));

    public ValueTask<long> ResetSequenceAsync(
        ReadOnlyMemory<byte> key, long next, CancellationToken cancellationToken)
    {
        long before = Stand(key);
        _sequences[Convert.ToHexString(key.Span)] = next;
        return ValueTask.FromResult(before);
    }

    private ConditionalReceipt If(ReadOnlyMemory<byte> key, KvExpectation expected, Action effect)
    {
        MaybeFail();
        LastExpectation = expected;
        ValueWithRevision? current = Find(key);
        bool holds = current is { } found
            ? expected == KvExpectation.Value(found.Value) || expected == KvExpectation.Revision(found.Revision)
            : expected == KvExpectation.Absent;
        _revision++;
        if (holds)
        {
            effect();
        }

        return new ConditionalReceipt
        {
            Applied = holds, Revision = _revision, RegionId = 2, Current = holds ? null : current,
        };
    }

    private long Stand(ReadOnlyMemory<byte> key) => _sequences.GetValueOrDefault(Convert.ToHexString(key.Span));

    private ValueWithRevision? Find(ReadOnlyMemory<byte> key) => _rows.TryGetValue(key.ToArray(), out byte[]? value)
        ? new ValueWithRevision(value, _revisions.GetValueOrDefault(key.ToArray()))
        : null;

    private void MaybeFail()
    {
        if (NextGuardedFailure is { } failure)
        {
            NextGuardedFailure = null;
            throw failure;
        }
    }
}
