using Kv.Base;

namespace Kv.Testing.History;

/// <summary>
/// The sequential rules of one key: which operation may come next in a state, and what follows. A conditional write of
/// unknown outcome is accepted only where its condition holds: where it does not, it changes nothing, which is the same
/// as never having taken effect.
/// </summary>
/// <param name="tracksRevisions">
/// False when no operation of the key names a revision: then states are not told apart by what nobody asks for.
/// </param>
public sealed class KvModel(bool tracksRevisions)
{
    public static KvState Initial => default;

    public bool TryApply(in ModelOperation operation, in KvState state, out KvState next)
    {
        next = state;
        return operation.Kind switch
        {
            OperationKind.Sequence => TrySequence(operation, ref next),
            OperationKind.SequenceReset => TryReset(operation, ref next),
            _ => TrySee(operation, ref next) && TryCondition(operation, ref next) && TryWrite(operation, ref next),
        };
    }

    private static bool TrySequence(in ModelOperation operation, ref KvState state)
    {
        if (operation.Start >= 0 && operation.Start != state.Sequence)
        {
            return false;
        }

        bool isExhausted = state.Sequence > long.MaxValue - operation.Number;
        if (operation.IsUnknown)
        {
            state = isExhausted ? state : state with { Sequence = state.Sequence + operation.Number };
            return true;
        }

        if (operation.Succeeded == isExhausted)
        {
            return false;
        }

        state = isExhausted ? state : state with { Sequence = state.Sequence + operation.Number };
        return true;
    }

    private static bool TryReset(in ModelOperation operation, ref KvState state)
    {
        if (operation.Start >= 0 && operation.Start != state.Sequence)
        {
            return false;
        }

        state = state with { Sequence = operation.Number };
        return true;
    }

    /// <summary>What the answer says was there.</summary>
    private static bool TrySee(in ModelOperation operation, ref KvState state)
    {
        if (!operation.TellsSeen)
        {
            return true;
        }

        if (operation.SeenFound != state.IsFound || (operation.SeenValue != 0 && operation.SeenValue != state.Value))
        {
            return false;
        }

        return operation.SeenRevision == 0 || TryFix(operation.SeenRevision, ref state);
    }

    private static bool TryCondition(in ModelOperation operation, ref KvState state)
    {
        bool holds = operation.IsUnknown || operation.Succeeded;
        switch (operation.Expects)
        {
            case ExpectationKind.None:
                return true;
            case ExpectationKind.Absent:
                return state.IsFound != holds;
            case ExpectationKind.Value:
                return (state.Value == operation.ExpectedValue) == holds;
            case ExpectationKind.Revision when holds:
                return state.IsFound && TryFix(operation.ExpectedRevision, ref state);
            case ExpectationKind.Revision:
                return !state.IsFound || TryExclude(operation.ExpectedRevision, ref state);
            default:
                throw Invariant.Unreachable(operation.Expects);
        }
    }

    private static bool TryFix(long revision, ref KvState state)
    {
        if (!state.CanHave(revision))
        {
            return false;
        }

        state = state.With(revision);
        return true;
    }

    private static bool TryExclude(long revision, ref KvState state)
    {
        if (state.IsExact && state.Revision == revision)
        {
            return false;
        }

        state = state.Without(revision);
        return true;
    }

    private bool TryWrite(in ModelOperation operation, ref KvState state)
    {
        if (operation.IsWithoutEffect)
        {
            return true;
        }

        if (operation.Revision != 0 && operation.Revision <= state.Revision)
        {
            return false;
        }

        // The least revision is always possible, so one more is the least for a write that tells none (Revision law).
        long least = operation.Revision != 0 ? operation.Revision : state.Revision + 1;
        state = state with
        {
            Value = operation.Value,
            Revision = tracksRevisions ? least : 0,
            IsExact = operation.Revision != 0 && operation.Value != 0,
            Excluded = null,
        };
        return true;
    }
}
