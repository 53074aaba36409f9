namespace Kv.Client;

/// <summary>Proof that a write took effect.</summary>
/// <param name="Revision">
/// The revision the key has from this write. It strictly rises for one key over the key's whole life; between keys it
/// orders nothing.
/// </param>
/// <param name="RegionId">The region that did it, at that time.</param>
public readonly record struct WriteReceipt(ulong Revision, ulong RegionId);
