using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Raft;

namespace Kv.Store.Raft;

/// <summary>What administrators and the process around ask of the loop. All of it runs inside a turn.</summary>
internal sealed partial class RaftLoop
{
    private readonly List<(RegionId Region, string Reason)> _stopped = [];

    /// <summary>Peers that stopped or were found damaged, and why. Inside the loop only.</summary>
    public IReadOnlyList<(RegionId Region, string Reason)> Stopped => _stopped;

    public int PeerCount => _peers.Count;

    /// <summary>Null except in tests.</summary>
    public IPeerObserver? Observer { get; private set; }

    /// <summary>Before the first turn only.</summary>
    public void Observe(IPeerObserver observer)
    {
        Observer = observer;
        foreach (StorePeer peer in _peers.Values)
        {
            observer.OnOpened(peer.Handle.Descriptor, peer.Core);
        }
    }

    public void AddStopped(RegionId region, string reason) => _stopped.Add((region, reason));

    public int CountLeaders()
    {
        int count = 0;
        foreach (StorePeer peer in _peers.Values)
        {
            count += peer.Core.IsLeader ? 1 : 0;
        }

        return count;
    }

    /// <summary>Starts a transfer; null when it was started, else why not.</summary>
    public string? Transfer(RegionId region, StoreId store)
    {
        if (FindPeer(region) is not { } peer)
        {
            return $"region {region} has no peer on store {_context.Id}";
        }

        if (!peer.Core.IsLeader)
        {
            return $"store {_context.Id} does not lead region {region}";
        }

        if (peer.Handle.Descriptor.PeerOn(store) is not { } target)
        {
            return $"region {region} has no peer on store {store}";
        }

        if (target.Id == peer.Handle.Self)
        {
            return null;
        }

        if (!IsAlive(store))
        {
            return $"store {store} is silent: it cannot take over region {region}";
        }

        WakePeer(peer);
        peer.Core.TransferLeadership(target.Id, _now);
        Touch(peer);
        return null;
    }

    /// <summary>Begins to hand every leadership away, before the process stops.</summary>
    public void BeginStop()
    {
        _stopping = true;
        _reportAt = Instant.Zero;
        foreach (StorePeer peer in _peers.Values)
        {
            if (!peer.Core.IsLeader || BestSuccessor(peer) is not { } target)
            {
                continue;
            }

            WakePeer(peer);
            peer.Core.TransferLeadership(target, _now);
            Touch(peer);
        }
    }

    private PeerId? BestSuccessor(StorePeer peer)
    {
        PeerId? best = null;
        LogIndex bestMatch = LogIndex.Zero;
        foreach (PeerProgress progress in peer.Core.Status().Progress)
        {
            if (progress.Peer != peer.Core.Id && !progress.IsLearner
                && peer.Handle.Descriptor.PeerOf(progress.Peer) is { } descriptor && IsAlive(descriptor.Store)
                && (best is null || progress.Match > bestMatch))
            {
                best = progress.Peer;
                bestMatch = progress.Match;
            }
        }

        return best;
    }

    /// <summary>Everything this store knows of one of its regions; null when it has no peer here.</summary>
    public RegionShowResponse? Describe(RegionId region)
    {
        if (FindPeer(region) is not { } peer)
        {
            return null;
        }

        RaftStatus status = peer.Core.Status();
        RegionDescriptor descriptor = peer.Handle.Descriptor;
        LeaderHint leader = peer.Handle.Leader;
        Instant leaseEnd = peer.Handle.Gate?.LeaseEnd ?? Instant.Zero;
        var response = new RegionShowResponse
        {
            Status = new RegionStatus
            {
                Region = descriptor.ToUserMessage(),
                LeaderPeerId = leader.Peer.Value,
                LeaderStoreId = leader.Store.Value,
                Term = status.Term.Value,
                Bytes = peer.Handle.EstimatedBytes,
                System = descriptor.IsSystem,
                Asleep = peer.Sleep == SleepPhase.Asleep,
                Committed = status.Committed.Value,
                Applied = peer.Handle.Applied.Value,
            },
            LogFirst = status.FirstIndex.Value,
            LogLast = status.LastIndex.Value,
            LeaseMsLeft = leaseEnd > _now ? (ulong)leaseEnd.MsSince(_now) : 0,
        };
        foreach (PeerDescriptor other in descriptor.Peers)
        {
            response.Peers.Add(StatusOf(other, peer, status));
        }

        return response;
    }

    private static PeerStatus StatusOf(PeerDescriptor other, StorePeer peer, RaftStatus status)
    {
        var result = new PeerStatus
        {
            Peer = new Kv.Protocol.V1.Peer { Id = other.Id.Value, StoreId = other.Store.Value, Role = other.Role },
            State = other.Id == peer.Handle.Leader.Peer ? "leader" : "follower",
        };
        if (other.Id == status.Id)
        {
            result.Match = status.Persisted.Value;
            result.Next = status.LastIndex.Value + 1;
            result.Active = true;
            return result;
        }

        foreach (PeerProgress progress in status.Progress)
        {
            if (progress.Peer == other.Id && status.Role == Role.Leader)
            {
                result.State = progress.State.ToString().ToLowerInvariant();
                result.Match = progress.Match.Value;
                result.Next = progress.Next.Value;
                result.Active = progress.RecentActive;
            }
        }

        return result;
    }
}
