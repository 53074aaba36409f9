using Google.Protobuf;
using Kv.Protocol.V1;

namespace Kv.Client.Tests.Model;

/// <summary>What a region does with writes, in one place and without peers: epoch, outcomes, floor, marks.</summary>
internal sealed class ModelRegion
{
    public required ulong Id { get; init; }

    public required string Start { get; set; }

    /// <summary>Empty = to the last key.</summary>
    public required string End { get; set; }

    public ulong Version { get; set; } = 1;

    public ulong ConfVersion { get; set; } = 1;

    public ulong Term { get; set; } = 1;

    /// <summary>0 = none now.</summary>
    public ulong Leader { get; set; }

    public List<ulong> Stores { get; init; } = [];

    public ulong Floor { get; set; }

    public ulong Revision { get; set; }

    public List<Outcome> Outcomes { get; init; } = [];

    public Dictionary<ByteString, ulong> Marks { get; init; } = [];

    public bool Contains(string key) =>
        string.CompareOrdinal(key, Start) >= 0 && (End.Length == 0 || string.CompareOrdinal(key, End) < 0);

    /// <summary>Whether a range that begins inside may end at <paramref name="end"/>.</summary>
    public bool ContainsEnd(string end) =>
        End.Length == 0 || (end.Length > 0 && string.CompareOrdinal(end, End) <= 0);

    public RegionRoute ToRoute() => new()
    {
        Region = Messages.Region(Id, Start, End, Version, ConfVersion, [.. Stores]),
        LeaderPeerId = Leader == 0 ? 0 : (100 * Id) + Leader,
        Term = Term,
    };

    public ModelRegion SplitAt(string key, ulong childId)
    {
        Version++;
        var child = new ModelRegion
        {
            Id = childId,
            Start = key,
            End = End,
            Version = Version,
            Leader = Leader,
            Stores = [.. Stores],
            Floor = Floor,
            Revision = Revision,
            Outcomes = [.. Outcomes],
            Marks = new Dictionary<ByteString, ulong>(Marks),
        };
        End = key;
        return child;
    }

    public void Absorb(ModelRegion right)
    {
        End = right.End;
        Version = Math.Max(Version, right.Version) + 1;
        Revision = Math.Max(Revision, right.Revision) + 1;
        Floor = Math.Max(Floor, right.Floor);
        Outcomes.AddRange(right.Outcomes);
        foreach ((ByteString session, ulong mark) in right.Marks)
        {
            Marks[session] = Math.Max(mark, Marks.GetValueOrDefault(session));
        }
    }

    /// <summary>
    /// A write that was decided: identity, key span, which a range does not reach the end of, answer.
    /// </summary>
    internal sealed record Outcome(
        WriteIdentity Identity, string First, string Last, bool EndsBeforeLast, WriteResult Result)
    {
        public bool Answers(WriteIdentity identity, string firstKey) =>
            Identity.Session == identity.Session
            && Identity.Sequence == identity.Sequence
            && (EndsBeforeLast
                ? ModelWrites.IsIn(firstKey, First, Last)
                : string.CompareOrdinal(firstKey, First) >= 0 && string.CompareOrdinal(firstKey, Last) <= 0);
    }
}
