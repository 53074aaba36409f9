namespace Kv.Testing.History;

public enum OperationKind
{
    Get,
    Exists,
    Put,
    Delete,
    PutIfAbsent,
    CompareAndPut,
    CompareAndDelete,
    GetAndPut,

    /// <summary>For the one key that the operation names: a delete.</summary>
    DeleteRange,

    /// <summary>Hands out [start, start + number); number 0 only tells where the sequence stands.</summary>
    Sequence,
    SequenceReset,
}

public enum OperationOutcome
{
    /// <summary>An answer came, and <see cref="HistoryOperation.Result"/> holds it.</summary>
    Ok,

    /// <summary>No answer: the write took effect once, at any time after its call, or never.</summary>
    Unknown,
}

public enum ExpectationKind
{
    None,
    Absent,
    Value,
    Revision,
}

/// <summary>What a conditional write asks of the key.</summary>
public sealed record Expectation(ExpectationKind Kind, string? Value = null, long Revision = 0)
{
    public static Expectation Absent { get; } = new(ExpectationKind.Absent);

    public static Expectation OfValue(string value) => new(ExpectationKind.Value, Value: value);

    public static Expectation OfRevision(long revision) => new(ExpectationKind.Revision, Revision: revision);
}

/// <summary>
/// What an answer tells about the key before the operation. A null value of a key that was found is a value that was
/// not told (exists, or too large for the answer); revision 0 = not told.
/// </summary>
public readonly record struct Observation(bool Found, string? Value = null, long Revision = 0);

public sealed record OperationResult
{
    public static OperationResult Done { get; } = new();

    /// <summary>False: a condition did not hold, or the sequence is exhausted; nothing took effect.</summary>
    public bool Succeeded { get; init; } = true;

    /// <summary>The revision that the write gave the key; 0 = not told.</summary>
    public long Revision { get; init; }

    /// <summary>What was there before; null = not told.</summary>
    public Observation? Seen { get; init; }

    /// <summary>Sequences: the first number handed out, or where it stood; null = not told.</summary>
    public long? Start { get; init; }
}

/// <summary>
/// One operation of one client on one key. Reads without an answer, and writes that are proved not to have taken
/// effect, do not belong into a history. Two writes of one atomic command to the same key do not either: they share a
/// revision.
/// </summary>
public sealed record HistoryOperation
{
    /// <summary>Unique within the history.</summary>
    public required long Id { get; init; }

    public required int Client { get; init; }

    public required string Key { get; init; }

    public required OperationKind Kind { get; init; }

    /// <summary>What is put; null for other kinds. Values are best unique over the history.</summary>
    public string? Value { get; init; }

    /// <summary>Of compare-and-put and compare-and-delete.</summary>
    public Expectation? Expected { get; init; }

    /// <summary>Sequences: how many numbers, or where to go on.</summary>
    public long Number { get; init; }

    /// <summary>Any clock that is the same for all clients.</summary>
    public required long CallTime { get; init; }

    /// <summary>At or after the call; <see cref="long.MaxValue"/> when no answer came.</summary>
    public long ReturnTime { get; init; } = long.MaxValue;

    /// <summary>Null when no answer came.</summary>
    public OperationResult? Result { get; init; }

    public OperationOutcome Outcome => Result is null ? OperationOutcome.Unknown : OperationOutcome.Ok;

    /// <summary>Sequences of a key and its value have nothing to do with each other: two objects.</summary>
    public bool IsOfSequence => Kind is OperationKind.Sequence or OperationKind.SequenceReset;

    /// <summary>It changes nothing whatever the state is.</summary>
    public bool IsRead =>
        Kind is OperationKind.Get or OperationKind.Exists || (Kind is OperationKind.Sequence && Number == 0);

    /// <summary>As <see cref="HistoryText"/> writes it.</summary>
    public override string ToString() => HistoryText.Print(this);
}
