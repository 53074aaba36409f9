using Kv.Protocol.Placement.V1;

namespace Kv.Placement.Founding;

/// <summary>
/// Asks a store, by its peer address, to be taken in. <c>done</c> is called from any thread at most once.
/// </summary>
public interface IJoinPeer
{
    void Join(string address, JoinRequest request, Action<FoundingReply<JoinResponse>> done);
}
