using System.Globalization;
using Kv.Base;
using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

internal sealed record GeneratorOptions
{
    public int Operations { get; init; } = 7;

    public int Keys { get; init; } = 1;

    /// <summary>
    /// How long before and after its moment an operation is called and returns, at most; moments are 10 apart.
    /// </summary>
    public int Slack { get; init; } = 25;

    public double UnknownShare { get; init; } = 0.15;

    /// <summary>How often an answer tells its revisions; 0 = there are none.</summary>
    public double RevisionShare { get; init; }

    /// <summary>How often the answer of a conditional write tells what it saw.</summary>
    public double SeenShare { get; init; } = 0.8;

    /// <summary>0 = every value is new; else values are drawn from so many.</summary>
    public int ValuesCount { get; init; }

    public double SequenceShare { get; init; } = 0.2;

    public double ReadShare { get; init; } = 0.35;

    /// <summary>Options for a small history of any kind.</summary>
    public static GeneratorOptions Any(DeterministicRandom random, int operationsMin, int operationsMax) => new()
    {
        Operations = random.Next(operationsMin, operationsMax + 1),
        Keys = random.Chance(0.8) ? 1 : 2,
        Slack = random.Next(60),
        UnknownShare = random.Next(3) * 0.2,
        RevisionShare = random.Next(3) * 0.5,
        SeenShare = random.Next(3) * 0.5,
        ValuesCount = random.Next(3) * 2,
        SequenceShare = random.Next(3) * 0.2,
    };
}

/// <summary>
/// Linearizable histories by construction: a real register does one operation after the other, each at its moment, and
/// each is reported with a call before and a return after that moment.
/// </summary>
internal sealed class HistoryGenerator(DeterministicRandom random, GeneratorOptions options)
{
    private readonly Dictionary<string, (string? Value, long Revision, long Next)> _registers = [];
    private readonly List<HistoryOperation> _history = [];
    private long _revision;
    private int _values;

    /// <summary>The writes that took effect, in order, with their moments.</summary>
    public List<AppliedWrite> Applied { get; } = [];

    public HistoryOperation[] Generate()
    {
        for (int i = 0; i < options.Operations; i++)
        {
            Add(10L * (i + 1));
        }

        return [.. _history];
    }

    private void Add(long moment)
    {
        bool isOfSequence = random.Chance(options.SequenceShare);
        OperationKind kind = isOfSequence
            ? random.Chance(0.9) ? OperationKind.Sequence : OperationKind.SequenceReset
            : random.Chance(options.ReadShare)
                ? random.Chance(0.8) ? OperationKind.Get : OperationKind.Exists
                : (OperationKind)random.Next((int)OperationKind.Put, (int)OperationKind.DeleteRange + 1);
        string key = "k" + random.Next(options.Keys).ToString(CultureInfo.InvariantCulture);
        (string? value, long revision, _) = _registers.GetValueOrDefault(key);
        var operation = new HistoryOperation
        {
            Id = _history.Count,
            Client = random.Next(10),
            Key = key,
            Kind = kind,
            Value = IsPut(kind) ? NewValue() : null,
            Expected = kind is OperationKind.CompareAndPut or OperationKind.CompareAndDelete
                ? Expect(value, revision) : null,
            Number = isOfSequence ? random.Next(4) : 0,
            CallTime = moment - random.Next(options.Slack + 1),
        };
        bool isUnknown = !operation.IsRead && random.Chance(options.UnknownShare);
        if (isUnknown && random.Chance(0.5))
        {
            _history.Add(operation);
            return;
        }

        OperationResult result = Apply(operation);
        _history.Add(isUnknown
            ? operation
            : operation with { ReturnTime = moment + random.Next(options.Slack + 1), Result = result });
        if (!operation.IsRead)
        {
            Applied.Add(new AppliedWrite(operation.Id, Position: moment, Time: moment, result));
        }
    }

    private static bool IsPut(OperationKind kind) =>
        kind is OperationKind.Put or OperationKind.PutIfAbsent or OperationKind.CompareAndPut
            or OperationKind.GetAndPut;

    private string NewValue() => options.ValuesCount == 0
        ? "v" + (_values++).ToString(CultureInfo.InvariantCulture)
        : "v" + random.Next(options.ValuesCount).ToString(CultureInfo.InvariantCulture);

    private Expectation Expect(string? value, long revision)
    {
        bool isRight = random.Chance(0.6);
        if (options.RevisionShare > 0 && random.Chance(0.5))
        {
            return Expectation.OfRevision(isRight ? Math.Max(1, revision) : random.Next(1, (int)_revision + 3));
        }

        return value is null && isRight
            ? Expectation.Absent
            : Expectation.OfValue(isRight ? value! : "v" + random.Next(4).ToString(CultureInfo.InvariantCulture));
    }

    private OperationResult Apply(HistoryOperation operation)
    {
        (string? value, long revision, long next) = _registers.GetValueOrDefault(operation.Key);
        bool tellsRevision = random.Chance(options.RevisionShare);
        if (operation.IsOfSequence)
        {
            bool isReset = operation.Kind is OperationKind.SequenceReset;
            _registers[operation.Key] = (value, revision, isReset ? operation.Number : next + operation.Number);
            return new OperationResult { Start = isReset && random.Chance(0.5) ? null : next };
        }

        var seen = new Observation(
            value is not null, operation.Kind is OperationKind.Exists ? null : value,
            value is not null && tellsRevision ? revision : 0);
        bool holds = operation.Kind is OperationKind.PutIfAbsent
            ? value is null
            : operation.Expected is not { } expected || expected.Kind switch
            {
                ExpectationKind.Absent => value is null,
                ExpectationKind.Value => value == expected.Value,
                _ => value is not null && revision == expected.Revision,
            };
        if (operation.IsRead)
        {
            return new OperationResult { Seen = seen };
        }

        bool tellsSeen = (!holds || operation.Kind is OperationKind.GetAndPut) && random.Chance(options.SeenShare);
        if (holds)
        {
            _revision += options.RevisionShare > 0 ? 1 : 0;
            _registers[operation.Key] = (operation.Value, _revision, next);
        }

        return new OperationResult
        {
            Succeeded = holds,
            Revision = holds && tellsRevision ? _revision : 0,
            Seen = tellsSeen ? seen : null,
        };
    }
}
