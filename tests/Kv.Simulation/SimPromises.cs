// Owns what one store has promised others: entries it acknowledged and votes it gave. Whatever crash follows, its log
// must hold them (Frame law, Sync law).
using Kv.Base;
using Kv.Engine.Log;
using Kv.Protocol.Raft.V1;
using Kv.Raft;

namespace Kv.Simulation;

/// <summary>The newest promises of a store by region, noted when they leave it and compared with its log.</summary>
public sealed class SimPromises
{
    private readonly SortedDictionary<ulong, (ulong Term, ulong Index)> _acknowledged = [];
    private readonly SortedDictionary<ulong, (ulong Term, ulong Peer)> _votes = [];

    /// <summary>Promises compared so far.</summary>
    public long Checked { get; private set; }

    public void Note(StoreEnvelope envelope)
    {
        foreach (RaftMessage message in envelope.Messages)
        {
            if (message.Reject)
            {
                continue;
            }

            switch ((MessageKind)message.Kind)
            {
                case MessageKind.AppendResponse or MessageKind.HeartbeatResponse:
                    (ulong, ulong) held = (message.Term, message.LogIndex);
                    if (held.CompareTo(_acknowledged.GetValueOrDefault(message.RegionId)) > 0)
                    {
                        _acknowledged[message.RegionId] = held;
                    }

                    break;
                case MessageKind.VoteResponse:
                    if (message.Term > _votes.GetValueOrDefault(message.RegionId).Term)
                    {
                        _votes[message.RegionId] = (message.Term, message.ToPeer);
                    }

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
}
