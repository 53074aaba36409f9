namespace Kv.Testing.History;

/// <summary>
/// What may be known of one key at one point of a linearization. The value and the sequence are exact. The revision is
/// a set of possibilities, because a write of unknown outcome tells none: either one number, or every number from a
/// least one on except a few. Because revisions of a key only rise, that is all a sequence of writes can leave open, so
/// the set is exact, not an estimate: it holds a number if and only if some choice of the untold revisions gives it.
/// An absent key has no revision to show; what is kept is the least that its last write can have had.
/// </summary>
/// <param name="Value">Id of the value; 0 = absent.</param>
/// <param name="Revision">The revision, or the least that is possible. Always in the set.</param>
/// <param name="IsExact">The set is one number. Never so for an absent key.</param>
/// <param name="Excluded">Not in the set though above <paramref name="Revision"/>; null = none.</param>
/// <param name="Sequence">The next number of the sequence.</param>
public readonly record struct KvState(
    int Value, long Revision, bool IsExact, RevisionSet? Excluded, long Sequence)
{
    public bool IsFound => Value != 0;

    /// <summary>
    /// Whether everything that is possible in <paramref name="other"/> is possible here: each operation accepted there
    /// is accepted here, and leads to a state that again covers the other's.
    /// </summary>
    public bool Covers(in KvState other)
    {
        if (Value != other.Value || Sequence != other.Sequence)
        {
            return false;
        }

        if (IsExact)
        {
            return other.IsExact && Revision == other.Revision;
        }

        return other.Revision >= Revision && (Excluded is null || Excluded.IsOutside(other));
    }

    public bool CanHave(long revision) =>
        IsExact ? Revision == revision : revision >= Revision && (Excluded is null || !Excluded.Contains(revision));

    /// <summary>The possibilities that have this revision, one of those that are possible.</summary>
    public KvState With(long revision) => this with { Revision = revision, IsExact = true, Excluded = null };

    /// <summary>The possibilities without this revision, which is not the only one.</summary>
    public KvState Without(long revision)
    {
        if (!CanHave(revision))
        {
            return this;
        }

        if (revision > Revision)
        {
            return this with { Excluded = RevisionSet.With(Excluded, revision) };
        }

        KvState rest = this with { Revision = revision + 1 };
        while (rest.Excluded is { } excluded && excluded.Contains(rest.Revision))
        {
            rest = rest with { Revision = rest.Revision + 1, Excluded = excluded.Without(rest.Revision) };
        }

        return rest;
    }
}

/// <summary>A few numbers, compared by content. Immutable.</summary>
public sealed class RevisionSet : IEquatable<RevisionSet>
{
    private readonly long[] _sorted;

    private RevisionSet(long[] sorted) => _sorted = sorted;

    public static RevisionSet With(RevisionSet? set, long revision)
    {
        if (set is null)
        {
            return new RevisionSet([revision]);
        }

        return set.Contains(revision)
            ? set
            : new RevisionSet([.. set._sorted.Append(revision).Order()]);
    }

    public bool Contains(long revision) => Array.BinarySearch(_sorted, revision) >= 0;

    public RevisionSet? Without(long revision) =>
        _sorted.Length == 1 ? null : new RevisionSet([.. _sorted.Where(number => number != revision)]);

    /// <summary>Whether no number of this set is a possible revision of the state.</summary>
    public bool IsOutside(in KvState state)
    {
        foreach (long number in _sorted)
        {
            if (state.CanHave(number))
            {
                return false;
            }
        }

        return true;
    }

    public bool Equals(RevisionSet? other) => other is not null && _sorted.AsSpan().SequenceEqual(other._sorted);

    public override bool Equals(object? obj) => Equals(obj as RevisionSet);

    public override int GetHashCode() => HashCode.Combine(_sorted.Length, _sorted[0]);
}
