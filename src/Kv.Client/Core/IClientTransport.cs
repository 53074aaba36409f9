using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>
/// The way to the stores: one pipeline per address, opened when first used. Real: a gRPC stream per store. Simulated: a
/// seeded queue.
/// What happens to a message is told to the <see cref="IClientTransportSink"/> given to the transport when it was made.
/// </summary>
public interface IClientTransport
{
    /// <summary>
    /// Hands over a message for the store at <paramref name="address"/> (host:port). Never waits and never throws;
    /// messages to one address keep their order while the connection lasts. The message is the transport's from here on
    /// and is not changed by anyone. What may be under way is bounded by the caller's windows, so there is always room.
    /// Called by the pump only.
    /// </summary>
    void Send(string address, PipelineRequest message);
}
