// Owns what tests may see of the raft loop: every Ready before its messages leave, and every peer after its turn.
using Kv.Base;
using Kv.Protocol;
using Kv.Raft;

namespace Kv.Store;

/// <summary>
/// Looks over the raft loop's shoulder, inside its turn; for checkers, which compare what a peer does with what all
/// others did. It changes nothing and keeps nothing but what it is given by value.
/// </summary>
public interface IPeerObserver
{
    /// <summary>A peer as it was found at start; called once per peer, before its first turn.</summary>
    void OnOpened(RegionDescriptor region, RaftPeer core);

    /// <summary>A Ready was taken; nothing of it has left the store yet.</summary>
    void OnReady(RegionDescriptor region, RaftPeer core, Ready ready);

    /// <summary>
    /// The peer's turn is over and none of its messages has left the store yet. <paramref name="leaseEnd"/> is when the
    /// published read gate closes, by this store's clock; zero = it is closed.
    /// </summary>
    void OnTurn(RegionDescriptor region, RaftPeer core, Instant leaseEnd);
}
