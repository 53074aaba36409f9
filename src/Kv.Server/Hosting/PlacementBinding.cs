using Kv.Base;
using Kv.Placement;
using Kv.Placement.Driver;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Kv.Store;

namespace Kv.Server.Hosting;

/// <summary>
/// Binds placement to the store it runs beside: its state to the system region, its orders and reports to the loops.
/// </summary>
internal sealed class PlacementBinding : IPlacementState, IPlacementOutbox, ISystemRegionListener
{
    // Set once, before any loop runs: store and driver need each other.
    private LocalStore? _store;
    private PlacementDriver? _driver;

    public void Connect(LocalStore store, PlacementDriver driver)
    {
        Invariant.Require(_store is null && _driver is null);
        _store = store;
        _driver = driver;
    }

    public void Load(Action<IReadOnlyList<(byte[] Key, byte[] Value)>?> done) =>
        _store!.LoadSystemRegion(rows => done(rows?.Select(static row => (row.Key, row.Value)).ToArray()));

    public void Propose(IReadOnlyList<Mutation> mutations, ulong term, Action<bool> done) =>
        _store!.WriteSystemRegion(mutations, new Term(term), done);

    public void Send(StoreId store, PlacementOrders orders) => _store!.SendOrders(store, orders);

    public void OnLeadership(Term term) => _driver!.OnLeadership(term.Value);

    public void OnLeadershipLost() => _driver!.OnLeadershipLost();

    public void OnLeaderHint(StoreInfo? leader) => _driver!.OnLeaderHint(leader);

    public void OnReport(StoreReport report) => _driver!.OnReport(report);

    public void OnRoutes(RoutesRequest request, Action<RoutesResponse> answer) => _driver!.Submit(request, answer);
}
