using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Where a transport reports. Safe from any thread; hands over and returns at once.</summary>
public interface IClientTransportSink
{
    /// <summary>Responses have come from <paramref name="address"/>. Unknown or repeated ids are ignored.</summary>
    void OnResponses(string address, PipelineResponse message);

    /// <summary>
    /// <paramref name="message"/> was not sent and never will be, not even a part of it: the store could not be
    /// reached. Reported once per message; its requests count as never executed.
    /// </summary>
    void OnNotSent(string address, PipelineRequest message, string reason);

    /// <summary>
    /// The connection is lost. Every request handed over before and neither answered nor reported as not sent is in
    /// doubt: it may have been executed, or may still be.
    /// </summary>
    void OnDisconnected(string address, string reason);
}
