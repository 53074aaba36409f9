namespace Kv.Ctl.Playground;

/// <summary>Where a local store listens; part of its identity in the cluster, so the same at every start.</summary>
/// <param name="Client">host:port of kv.v1.</param>
/// <param name="Peer">host:port for the other stores.</param>
/// <param name="Http">host:port of /status, /readyz and /metrics.</param>
internal sealed record LocalStoreAddresses(string Client, string Peer, string Http);
