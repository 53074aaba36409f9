// Owns what is known of one region's consensus over all stores and lives: who led which term, which entries exist,
// which of them are committed, and what each peer's log holds.
using System.Globalization;
using System.Text;
using Kv.Base;
using Kv.Protocol;
using Kv.Raft;

namespace Kv.Simulation.Checks;

/// <summary>An entry by its term and the hash of everything up to it: two logs with the same are the same.</summary>
internal readonly record struct EntryMark(ulong Term, ulong Chain);

/// <summary>What a peer's log holds, as its Readies told; marks from <see cref="First"/> − 1 on.</summary>
internal sealed class PeerModel(PeerId id, StoreId store)
{
    public PeerId Id { get; } = id;

    public StoreId Store { get; } = store;

    /// <summary>Marks by index; [0] is the entry before the first.</summary>
    public List<EntryMark> Marks { get; } = [];

    /// <summary>Index of the first entry of <see cref="Marks"/>, the one before the log's first.</summary>
    public ulong Base { get; set; }

    /// <summary>The newest life's core, for descriptions only.</summary>
    public RaftPeer? Core { get; set; }

    public ulong Last => Base + (ulong)Marks.Count - 1;

    public ulong Persisted { get; set; }

    public ulong Committed { get; set; }

    public ulong Applied { get; set; }

    public ulong LedTerm { get; set; }

    public ulong Term { get; set; }

    public PeerId Vote { get; set; }

    /// <summary>Its last candidacy: the term, its store's life, and what the store had received by then.</summary>
    public ulong CandidateTerm { get; set; }

    public int CandidateLife { get; set; }

    public long CandidateHeard { get; set; }

    /// <summary>End of the published lease by the store's own clock; zero = none.</summary>
    public Instant LeaseEnd { get; set; }

    /// <summary>What lies before the log was cut after it was applied and durable (Cut law).</summary>
    public bool Holds(ulong index, EntryMark mark) =>
        index < Base || (index <= Last && Marks[(int)(index - Base)] == mark);

    public EntryMark? At(ulong index) => index >= Base && index <= Last ? Marks[(int)(index - Base)] : null;
}

internal sealed class RegionTruth(RegionId id, ulong birthIndex)
{
    public RegionId Id { get; } = id;

    public SortedDictionary<ulong, PeerModel> Peers { get; } = [];

    /// <summary>Term to who leads it.</summary>
    public Dictionary<ulong, PeerId> Leaders { get; } = [];

    /// <summary>Every entry that ever was in a log, by index and term.</summary>
    public Dictionary<(ulong Index, ulong Term), ulong> Chains { get; } = [];

    /// <summary>Committed entries from the one after birth on.</summary>
    public List<EntryMark> Committed { get; } = [];

    /// <summary>Elections by time-out since <see cref="RaftChecker.ExpectQuiet"/>.</summary>
    public int QuietElections { get; set; }

    /// <summary>Last entry that was handed to apply by anyone.</summary>
    public ulong HandedOut { get; set; }

    public ulong CommittedLast => birthIndex + (ulong)Committed.Count;

    public EntryMark? CommittedAt(ulong index) =>
        index > birthIndex && index <= CommittedLast ? Committed[(int)(index - birthIndex - 1)] : null;

    /// <summary>Newest descriptor seen by version and conf version.</summary>
    public RegionDescriptor? Newest { get; set; }

    public PeerModel PeerOf(PeerId id, StoreId store)
    {
        if (!Peers.TryGetValue(id.Value, out PeerModel? peer))
        {
            peer = new PeerModel(id, store);
            Peers.Add(id.Value, peer);
        }

        return peer;
    }

    /// <summary>Whether a majority of the voters (of both halves when joint) holds an entry durably.</summary>
    public bool IsOnQuorum(ConfState conf, ulong index, EntryMark mark) =>
        IsOnMajority(conf.Voters, index, mark)
        && (conf.VotersOutgoing.Count == 0 || IsOnMajority(conf.VotersOutgoing, index, mark));

    /// <summary>Where each peer stands, for the report of a failure.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        foreach (PeerModel peer in Peers.Values)
        {
            if (peer.Core is { } core)
            {
                RaftStatus status = core.Status();
                text.Append(CultureInfo.InvariantCulture,
                    $" [store {peer.Store}: {status.Role}{(core.IsAsleep ? " asleep" : "")}, term {status.Term}, "
                    + $"leader {status.Leader}, last {status.LastIndex}, committed {status.Committed}, "
                    + $"vote {status.Vote}]");
            }
        }

        return text.ToString();
    }

    private bool IsOnMajority(IReadOnlyList<PeerId> voters, ulong index, EntryMark mark)
    {
        int holders = 0;
        foreach (PeerId voter in voters)
        {
            if (Peers.TryGetValue(voter.Value, out PeerModel? peer) && peer.Persisted >= index
                && peer.Holds(index, mark))
            {
                holders++;
            }
        }

        return holders > voters.Count / 2;
    }
}
