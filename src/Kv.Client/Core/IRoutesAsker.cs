using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Who wants routes from placement: a caller's operation, or the client itself for its cache.</summary>
internal interface IRoutesAsker
{
    bool Wanted { get; }

    Instant Deadline { get; }

    RoutesRequest Ask();

    /// <summary>The answer; the cache has learned it already.</summary>
    void OnRoutes(ClientPump pump, RoutesResponse routes);

    /// <summary>The lookup ended because it was not <see cref="Wanted"/> any more.</summary>
    void OnAbandoned();

    /// <summary>The request itself was refused as wrong.</summary>
    void OnRefused(ClientPump pump, KvException error);
}
