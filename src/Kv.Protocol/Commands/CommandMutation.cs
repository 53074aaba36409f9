using Kv.Protocol.V1;

namespace Kv.Protocol.Commands;

/// <summary>What a condition compares with, as a command says it.</summary>
public enum ExpectationKind : byte
{
    /// <summary>No condition.</summary>
    None = 0,

    Absent = 1,

    Value = 2,

    Revision = 3,
}

/// <summary>
/// One mutation of a command; its spans point into the entry. Fields that its kind has no use for are empty.
/// </summary>
public ref struct CommandMutation
{
    public MutationKind Kind { get; set; }

    /// <summary>Internal key; of a range its first key.</summary>
    public ReadOnlySpan<byte> Key { get; set; }

    /// <summary>What is put.</summary>
    public ReadOnlySpan<byte> Value { get; set; }

    public ExpectationKind Expected { get; set; }

    public ReadOnlySpan<byte> ExpectedValue { get; set; }

    public ulong ExpectedRevision { get; set; }

    /// <summary>End of a range, exclusive, an internal key above <see cref="Key"/>.</summary>
    public ReadOnlySpan<byte> End { get; set; }

    /// <summary>Of a sequence; not negative.</summary>
    public long Number { get; set; }
}
