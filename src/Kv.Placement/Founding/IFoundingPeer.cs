using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;

namespace Kv.Placement.Founding;

/// <summary>
/// Calls to another founder by its peer address. None waits; <c>done</c> is called from any thread at most once. A call
/// whose answer is lost may never call back: the caller has its own time limit.
/// </summary>
public interface IFoundingPeer
{
    void Init(string address, InitRequest request, Action<FoundingReply<InitResponse>> done);

    void Inspect(string address, Action<FoundingReply<InspectResponse>> done);

    void Prepare(string address, FoundingPlan plan, Action<FoundingReply<PrepareResponse>> done);

    void Commit(string address, CommitRequest request, Action<FoundingReply<CommitResponse>> done);

    void Outcome(string address, OutcomeRequest request, Action<FoundingReply<OutcomeResponse>> done);
}
