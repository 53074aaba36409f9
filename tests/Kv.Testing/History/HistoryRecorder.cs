using Kv.Base;

namespace Kv.Testing.History;

/// <summary>
/// Collects a history from one thread. Reads without an answer and writes proved not to have taken effect leave no
/// trace; writes without an answer stay open to the end.
/// </summary>
public sealed class HistoryRecorder
{
    private readonly List<HistoryOperation?> _operations = [];

    /// <summary>Notes a call; the id is for the one of the three methods below that ends it.</summary>
    public long Called(
        int client, string key, OperationKind kind, long now, string? value = null, Expectation? expected = null,
        long number = 0)
    {
        long id = _operations.Count;
        _operations.Add(new HistoryOperation
        {
            Id = id,
            Client = client,
            Key = key,
            Kind = kind,
            Value = value,
            Expected = expected,
            Number = number,
            CallTime = now,
        });
        return id;
    }

    public void Returned(long id, long now, OperationResult result)
    {
        HistoryOperation operation = Open(id);
        Invariant.Require(now >= operation.CallTime);
        _operations[(int)id] = operation with { ReturnTime = now, Result = result };
    }

    /// <summary>A write that may have taken effect or may do so later; or a read without an answer.</summary>
    public void EndedUnknown(long id)
    {
        if (Open(id).IsRead)
        {
            _operations[(int)id] = null;
        }
    }

    /// <summary>Proved not to have taken effect, now and for ever.</summary>
    public void EndedWithoutEffect(long id)
    {
        _ = Open(id);
        _operations[(int)id] = null;
    }

    /// <summary>The history so far. Calls that are still open are writes of unknown outcome.</summary>
    public IReadOnlyList<HistoryOperation> History() =>
        _operations.OfType<HistoryOperation>().Where(operation => operation.Result is not null || !operation.IsRead)
            .ToArray();

    private HistoryOperation Open(long id)
    {
        HistoryOperation? operation = _operations[(int)id];
        Invariant.Require(operation is { Result: null });
        return operation;
    }
}
