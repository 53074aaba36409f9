using Kv.Base;

namespace Kv.Simulation.Checks;

/// <summary>Equal applied index, equal data, on all stores (invariant 14).</summary>
public static class StateCheck
{
    public static void Run(IReadOnlyList<SimStore> stores, Action<string> problem)
    {
        var seen = new SortedDictionary<(ulong Region, ulong Applied), (StoreId Store, ulong Hash)>();
        foreach (SimStore store in stores)
        {
            if (store.Store is not { } local || store.Machine.IsPaused)
            {
                continue;
            }

            foreach ((ulong region, ulong applied, ulong hash) in local.HashRegions())
            {
                if (!seen.TryAdd((region, applied), (store.Id, hash)) && seen[(region, applied)].Hash != hash)
                {
                    problem(
                        $"region {region} at applied {applied} differs between stores {seen[(region, applied)].Store} "
                        + $"and {store.Id} (invariant 14)");
                }
            }
        }
    }
}
