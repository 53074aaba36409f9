using Kv.Protocol.Placement.V1;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Rpc;

namespace Kv.Server.Peer;

/// <summary>The methods stores call on each other.</summary>
internal static class PeerMethods
{
    public static readonly GrpcMethod<StoreEnvelope, Welcome> Exchange =
        new(RaftReflection.Descriptor.Services[0], "Exchange");

    public static readonly GrpcMethod<InitRequest, InitResponse> Init = Founding<InitRequest, InitResponse>("Init");

    public static readonly GrpcMethod<InspectRequest, InspectResponse> Inspect =
        Founding<InspectRequest, InspectResponse>("Inspect");

    public static readonly GrpcMethod<FoundingPlan, PrepareResponse> Prepare =
        Founding<FoundingPlan, PrepareResponse>("Prepare");

    public static readonly GrpcMethod<CommitRequest, CommitResponse> Commit =
        Founding<CommitRequest, CommitResponse>("Commit");

    public static readonly GrpcMethod<OutcomeRequest, OutcomeResponse> Outcome =
        Founding<OutcomeRequest, OutcomeResponse>("Outcome");

    public static readonly GrpcMethod<JoinRequest, JoinResponse> Join = Founding<JoinRequest, JoinResponse>("Join");

    private static GrpcMethod<TRequest, TResponse> Founding<TRequest, TResponse>(string name)
        where TRequest : class, Google.Protobuf.IMessage<TRequest>
        where TResponse : class, Google.Protobuf.IMessage<TResponse> =>
        new(PlacementReflection.Descriptor.Services[0], name);
}
