// Owns the identity types that all layers share. Each is a distinct type so that a term can never be passed as an
// index.
// Zero means "none" in every one of them; the first valid value is 1.
using System.Globalization;

namespace Kv.Base;

/// <summary>Identity of a cluster, drawn at random once when the cluster is founded. 0 = not founded.</summary>
public readonly record struct ClusterId(ulong Value)
{
    public bool IsNone => Value == 0;

    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}

/// <summary>Identity of a store (a server process's set of peers), given once and kept in its data folder.</summary>
public readonly record struct StoreId(ulong Value) : IComparable<StoreId>
{
    public bool IsNone => Value == 0;

    public int CompareTo(StoreId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Identity of a region (a key range with its raft group). Region 1 is the system region.</summary>
public readonly record struct RegionId(ulong Value) : IComparable<RegionId>
{
    public static readonly RegionId System = new(1);

    public bool IsNone => Value == 0;

    public int CompareTo(RegionId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Identity of one peer of one region on one store. Never reused: a peer made anew gets a new id.</summary>
public readonly record struct PeerId(ulong Value) : IComparable<PeerId>
{
    public bool IsNone => Value == 0;

    public int CompareTo(PeerId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A store's start number: durable, raised by one at each start of the process (Sleep law).</summary>
public readonly record struct Incarnation(ulong Value) : IComparable<Incarnation>
{
    public int CompareTo(Incarnation other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A raft term. 0 is before the first election.</summary>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    public static readonly Term Zero;

    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    public Term Next() => new(checked(Value + 1));

    public static bool operator <(Term a, Term b) => a.Value < b.Value;

    public static bool operator >(Term a, Term b) => a.Value > b.Value;

    public static bool operator <=(Term a, Term b) => a.Value <= b.Value;

    public static bool operator >=(Term a, Term b) => a.Value >= b.Value;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A place in a region's raft log. The first entry has index 1; 0 is "before the log".</summary>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    public static readonly LogIndex Zero;
    public static readonly LogIndex Max = new(ulong.MaxValue);

    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    public LogIndex Next() => new(checked(Value + 1));

    /// <summary>The index before this one. Requires this to be above 0.</summary>
    public LogIndex Previous() => new(checked(Value - 1));

    public static LogIndex Min(LogIndex a, LogIndex b) => a.Value <= b.Value ? a : b;

    public static LogIndex Greater(LogIndex a, LogIndex b) => a.Value >= b.Value ? a : b;

    public static LogIndex operator +(LogIndex a, ulong count) => new(checked(a.Value + count));

    public static LogIndex operator -(LogIndex a, ulong count) => new(checked(a.Value - count));

    /// <summary>The distance from b up to a. Requires a ≥ b.</summary>
    public static ulong operator -(LogIndex a, LogIndex b) => checked(a.Value - b.Value);

    public static bool operator <(LogIndex a, LogIndex b) => a.Value < b.Value;

    public static bool operator >(LogIndex a, LogIndex b) => a.Value > b.Value;

    public static bool operator <=(LogIndex a, LogIndex b) => a.Value <= b.Value;

    public static bool operator >=(LogIndex a, LogIndex b) => a.Value >= b.Value;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
