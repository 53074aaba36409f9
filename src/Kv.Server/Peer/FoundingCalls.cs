using System.Collections.Concurrent;
using Google.Protobuf;
using Kv.Placement.Founding;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;

namespace Kv.Server.Peer;

/// <summary>Calls other stores before there is an identity: founding and joining.</summary>
internal sealed class FoundingCalls : IFoundingPeer, IJoinPeer, IDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan InitTimeout = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new(StringComparer.Ordinal);

    public void Init(string address, InitRequest request, Action<FoundingReply<InitResponse>> done) =>
        Call(address, PeerMethods.Init, request, InitTimeout, done);

    public void Inspect(string address, Action<FoundingReply<InspectResponse>> done) =>
        Call(address, PeerMethods.Inspect, new InspectRequest(), CallTimeout, done);

    public void Prepare(string address, FoundingPlan plan, Action<FoundingReply<PrepareResponse>> done) =>
        Call(address, PeerMethods.Prepare, plan, CallTimeout, done);

    public void Commit(string address, CommitRequest request, Action<FoundingReply<CommitResponse>> done) =>
        Call(address, PeerMethods.Commit, request, CallTimeout, done);

    public void Outcome(string address, OutcomeRequest request, Action<FoundingReply<OutcomeResponse>> done) =>
        Call(address, PeerMethods.Outcome, request, CallTimeout, done);

    public void Join(string address, JoinRequest request, Action<FoundingReply<JoinResponse>> done) =>
        Call(address, PeerMethods.Join, request, CallTimeout, done);

    public void Dispose()
    {
        foreach (GrpcChannel channel in _channels.Values)
        {
            channel.Dispose();
        }
    }

    private void Call<TRequest, TResponse>(
        string address,
        GrpcMethod<TRequest, TResponse> method,
        TRequest request,
        TimeSpan timeout,
        Action<FoundingReply<TResponse>> done)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        GrpcChannel channel = _channels.GetOrAdd(address, static a => new GrpcChannel(new Uri($"http://{a}")));
        _ = CallAsync();

        async Task CallAsync()
        {
            // Leaves the pump's thread before anything of the network runs.
            await Task.Yield();
            try
            {
                done(await channel.CallUnaryAsync(method, request, new CallOptions { Timeout = timeout }));
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.FailedPrecondition or StatusCode.InvalidArgument)
            {
                done(FoundingReply<TResponse>.Refused(e.Detail));
            }
            catch (RpcException e)
            {
                done(FoundingReply<TResponse>.Failed(e.Detail));
            }
        }
    }
}
