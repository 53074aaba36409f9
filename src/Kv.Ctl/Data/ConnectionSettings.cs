namespace Kv.Ctl.Data;

/// <summary>How to reach the cluster, and how long one operation may take.</summary>
/// <param name="Seeds">Client addresses (host:port) of some of its stores, tried in order; never empty.</param>
/// <param name="Timeout">For each operation, retries included.</param>
internal sealed record ConnectionSettings(IReadOnlyList<string> Seeds, TimeSpan Timeout);
