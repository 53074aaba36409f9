namespace Kv.Ctl.Playground;

/// <summary>What makes a local cluster the same one at every start.</summary>
/// <param name="Stores">Where its stores listen; never empty.</param>
/// <param name="SplitKeys">Where its first regions were cut when it was founded; null before that.</param>
internal sealed record LocalClusterLayout(IReadOnlyList<LocalStoreAddresses> Stores, IReadOnlyList<byte[]>? SplitKeys);
