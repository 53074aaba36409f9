using Kv.Protocol.V1;

namespace Kv.Placement.Driver;

/// <summary>One watcher of routes, as the pump sees it.</summary>
internal sealed record RouteWatch(long Id, RoutesRequest Request, Func<RoutesResponse, bool> Sink);
