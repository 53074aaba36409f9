// Owns what one store has promised others: entries it acknowledged, votes it gave, terms it spoke in. When a promise
// leaves the store its log must already hold it, durably; and whatever crash follows, it must hold it still (Frame law,
// Sync law). And whose lease may rest on its acknowledgements: while it runs, this store helps to elect nobody else,
// whatever happens to it (Lease law).
using Kv.Base;
using Kv.Engine.Log;
using Kv.Protocol.Raft.V1;
using Kv.Raft;
using Kv.Simulation.Checks;

namespace Kv.Simulation;

/// <summary>
/// The promises of a store by region, noted and checked when they leave it, and compared at each start.
/// </summary>
public sealed class SimPromises(long leaseMs, RaftChecker checker)
{
    private readonly SortedDictionary<ulong, SortedDictionary<ulong, (StoreClock Clock, Instant SentAt)>> _leases = [];
    private readonly SortedDictionary<ulong, (ulong Term, ulong Index)> _acknowledged = [];
    private readonly SortedDictionary<ulong, (ulong Term, ulong Peer)> _votes = [];
    private readonly Dictionary<(ulong Region, ulong Term), ulong> _allVotes = [];

    /// <summary>Promises compared at starts so far.</summary>
    public long Checked { get; private set; }

    /// <summary>Promises compared when they left.</summary>
    public long CheckedAtSend { get; private set; }

    /// <param name="store">Whose promises these are.</param>
    /// <param name="leader">The clock of the store that the envelope goes to.</param>
    /// <param name="envelope">What leaves now.</param>
    /// <param name="log">What the store holds durably.</param>
    /// <param name="problem">Hears of a promise that is not covered, or broken.</param>
    public void Note(
        StoreId store, StoreClock leader, StoreEnvelope envelope, ISharedLog log, Action<string> problem)
    {
        foreach (RaftMessage message in envelope.Messages)
        {
            NoteLease(store, leader, message, problem);
            switch ((MessageKind)message.Kind)
            {
                case MessageKind.AppendResponse when !message.Reject:
                    NoteAcknowledged(store, message, log, problem);
                    break;
                case MessageKind.VoteResponse when !message.Reject:
                    NoteVote(store, message, log, problem);
                    break;
                case MessageKind.Vote:
                    // A candidate has voted for itself before it asks others (row A3).
                    NoteTerm(store, message, log, message.FromPeer, problem);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Compares with a log as it was found at open.</summary>
    public void Check(StoreId store, ISharedLog log, Action<string> problem)
    {
        foreach ((ulong region, (ulong term, ulong index)) in _acknowledged)
        {
            // In a later term another leader may have replaced entries that were never committed.
            LogGroupState state = log.Find(region) ?? default;
            Checked++;
            if (state.HardState.Term < term || (state.HardState.Term == term && state.LastIndex < index))
            {
                problem(
                    $"store {store} acknowledged region {region} up to {index} in term {term}; after the crash its "
                    + $"log ends at {state.LastIndex} in term {state.HardState.Term}");
            }
        }

        foreach ((ulong region, (ulong term, ulong peer)) in _votes)
        {
            LogHardState state = log.Find(region)?.HardState ?? default;
            Checked++;
            if (state.Term < term || (state.Term == term && state.Vote != peer))
            {
                problem(
                    $"store {store} voted for peer {peer} of region {region} in term {term}; after the crash its log "
                    + $"knows a vote for {state.Vote} in term {state.Term}");
            }
        }
    }

    private void NoteLease(StoreId store, StoreClock leader, RaftMessage message, Action<string> problem)
    {
        switch ((MessageKind)message.Kind)
        {
            case MessageKind.AppendResponse or MessageKind.HeartbeatResponse when message.SentAt > 0:
                SortedDictionary<ulong, (StoreClock Clock, Instant SentAt)> leaders = LeasesOf(message.RegionId);
                Instant before = leaders.GetValueOrDefault(message.ToPeer).SentAt;
                leaders[message.ToPeer] = (leader, Instant.Later(before, new Instant(message.SentAt)));
                break;
            case MessageKind.PreVote:
                CheckVote(store, message.RegionId, message.Term, message.FromPeer, problem);
                break;
            case MessageKind.TimeoutNow:
                checker.NoteTimeoutNow(message.RegionId, message.Term, message.ToPeer);
                break;
            case MessageKind.Vote when message.Transfer:
                if (!checker.NoteTransfer(message.RegionId, message.Term, message.FromPeer))
                {
                    problem(
                        $"store {store}, peer {message.FromPeer} of region {message.RegionId}, passes all promises by "
                        + $"in term {message.Term}, and nobody called on it in the term before (Transfer law)");
                }

                break;
            default:
                break;
        }
    }

    /// <summary>
    /// A vote is given, or one for itself is on its mind. It may be told later: then it is the moment of the decision
    /// that counts.
    /// </summary>
    public void CheckVote(StoreId store, ulong region, ulong term, ulong candidate, Action<string> problem)
    {
        if (leaseMs == 0 || checker.IsTransfer(region, term))
        {
            return;
        }

        foreach ((ulong peer, (StoreClock clock, Instant sentAt)) in LeasesOf(region))
        {
            CheckedAtSend++;
            long leftMs = leaseMs - clock.Now.MsSince(sentAt);
            if (peer != candidate && leftMs > 0)
            {
                problem(
                    $"store {store} helps to elect peer {candidate} of region {region} in term {term} while {peer} "
                    + $"may hold a lease for {leftMs} ms that rests on its acknowledgement (Lease law)");
            }
        }
    }

    private SortedDictionary<ulong, (StoreClock Clock, Instant SentAt)> LeasesOf(ulong region)
    {
        if (!_leases.TryGetValue(region, out SortedDictionary<ulong, (StoreClock Clock, Instant SentAt)>? leaders))
        {
            leaders = [];
            _leases.Add(region, leaders);
        }

        return leaders;
    }

    private void NoteAcknowledged(StoreId store, RaftMessage message, ISharedLog log, Action<string> problem)
    {
        (ulong Term, ulong Index) held = (message.Term, message.LogIndex);
        if (held.CompareTo(_acknowledged.GetValueOrDefault(message.RegionId)) > 0)
        {
            _acknowledged[message.RegionId] = held;
        }

        LogGroupState state = log.Find(message.RegionId) ?? default;
        CheckedAtSend++;
        if (state.HardState.Term <= held.Term && state.LastIndex < held.Index)
        {
            problem(
                $"store {store} acknowledges region {message.RegionId} up to {held.Index} in term {held.Term} while "
                + $"its log ends, durably, at {state.LastIndex}");
        }
    }

    private void NoteVote(StoreId store, RaftMessage message, ISharedLog log, Action<string> problem)
    {
        if (message.Term > _votes.GetValueOrDefault(message.RegionId).Term)
        {
            _votes[message.RegionId] = (message.Term, message.ToPeer);
        }

        if (!_allVotes.TryAdd((message.RegionId, message.Term), message.ToPeer)
            && _allVotes[(message.RegionId, message.Term)] != message.ToPeer)
        {
            problem(
                $"store {store} votes in region {message.RegionId}, term {message.Term}, for peer {message.ToPeer} and "
                + $"for {_allVotes[(message.RegionId, message.Term)]}");
        }

        NoteTerm(store, message, log, message.ToPeer, problem);
    }

    private void NoteTerm(StoreId store, RaftMessage message, ISharedLog log, ulong vote, Action<string> problem)
    {
        LogHardState state = log.Find(message.RegionId)?.HardState ?? default;
        CheckedAtSend++;
        if (state.Term < message.Term || (state.Term == message.Term && state.Vote != vote))
        {
            problem(
                $"store {store} tells a vote for peer {vote} of region {message.RegionId} in term {message.Term} while "
                + $"its log holds, durably, a vote for {state.Vote} in term {state.Term}");
        }
    }
}
