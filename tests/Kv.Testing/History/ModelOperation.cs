using Kv.Base;

namespace Kv.Testing.History;

/// <summary>An operation with its values as ids, made for comparing: what <see cref="KvModel"/> works on.</summary>
public readonly record struct ModelOperation
{
    public OperationKind Kind { get; init; }

    /// <summary>Id of what is put; 0 = nothing.</summary>
    public int Value { get; init; }

    public ExpectationKind Expects { get; init; }

    public int ExpectedValue { get; init; }

    public long ExpectedRevision { get; init; }

    public long Number { get; init; }

    /// <summary>No answer, so nothing below is told, and the write may also never take effect.</summary>
    public bool IsUnknown { get; init; }

    public bool Succeeded { get; init; }

    public long Revision { get; init; }

    public bool TellsSeen { get; init; }

    public bool SeenFound { get; init; }

    /// <summary>0 = not told.</summary>
    public int SeenValue { get; init; }

    public long SeenRevision { get; init; }

    /// <summary>−1 = not told.</summary>
    public long Start { get; init; }

    /// <summary>Whatever the state was, the answer says that nothing changed.</summary>
    public bool IsWithoutEffect =>
        Kind is OperationKind.Get or OperationKind.Exists || (!IsUnknown && !Succeeded)
        || (Kind is OperationKind.Sequence && Number == 0);

    /// <summary>The value that the answer says was there; 0 = it names none.</summary>
    public int Found =>
        SeenValue != 0 ? SeenValue : !IsUnknown && Succeeded && Expects is ExpectationKind.Value ? ExpectedValue : 0;

    /// <summary>
    /// The operation is accepted in no state whose least revision is above this: a write goes above all before it, and
    /// what was seen or met was there.
    /// </summary>
    public long RevisionMax
    {
        get
        {
            long max = Revision != 0 ? Revision - 1 : long.MaxValue;
            max = SeenRevision != 0 ? Math.Min(max, SeenRevision) : max;
            bool wasMet = !IsUnknown && Succeeded && Expects is ExpectationKind.Revision;
            return wasMet ? Math.Min(max, ExpectedRevision) : max;
        }
    }

    public bool NamesRevision => Revision != 0 || SeenRevision != 0 || Expects is ExpectationKind.Revision;

    /// <summary>Ids count from 1 in the order of first use, so they depend on nothing but the history.</summary>
    public static ModelOperation From(HistoryOperation operation, Dictionary<string, int> ids)
    {
        OperationResult? result = operation.Result;
        Invariant.Require(
            result is not { Succeeded: false } || MayFail(operation.Kind), $"cannot fail, so left out: {operation}");
        Observation seen = result?.Seen ?? default;
        Expectation? expected =
            operation.Kind is OperationKind.PutIfAbsent ? Expectation.Absent : operation.Expected;
        return new ModelOperation
        {
            Kind = result is null ? EffectOf(operation.Kind) : operation.Kind,
            Value = IdOf(operation.Value, ids),
            Expects = expected?.Kind ?? ExpectationKind.None,
            ExpectedValue = IdOf(expected?.Value, ids),
            ExpectedRevision = expected?.Revision ?? 0,
            Number = operation.Number,
            IsUnknown = result is null,
            Succeeded = result?.Succeeded ?? false,
            Revision = result is { Succeeded: true } ? result.Revision : 0,
            TellsSeen = result?.Seen is not null,
            SeenFound = seen.Found,
            SeenValue = seen.Found ? IdOf(seen.Value, ids) : 0,
            SeenRevision = seen.Found ? seen.Revision : 0,
            Start = result?.Start ?? -1,
        };
    }

    /// <summary>The same write with its answer not yet there.</summary>
    public ModelOperation WithoutAnswer() => new()
    {
        Kind = EffectOf(Kind),
        Value = Value,
        Expects = Expects,
        ExpectedValue = ExpectedValue,
        ExpectedRevision = ExpectedRevision,
        Number = Number,
        IsUnknown = true,
        Start = -1,
    };

    /// <summary>Without an answer, some kinds are the same.</summary>
    private static OperationKind EffectOf(OperationKind kind) => kind switch
    {
        OperationKind.GetAndPut => OperationKind.Put,
        OperationKind.DeleteRange => OperationKind.Delete,
        _ => kind,
    };

    private static bool MayFail(OperationKind kind) =>
        kind is OperationKind.PutIfAbsent or OperationKind.CompareAndPut or OperationKind.CompareAndDelete
            or OperationKind.Sequence;

    private static int IdOf(string? value, Dictionary<string, int> ids)
    {
        if (value is null)
        {
            return 0;
        }

        if (!ids.TryGetValue(value, out int id))
        {
            id = ids.Count + 1;
            ids.Add(value, id);
        }

        return id;
    }
}
