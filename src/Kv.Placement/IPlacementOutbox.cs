using Kv.Base;
using Kv.Protocol.Placement.V1;

namespace Kv.Placement;

/// <summary>The way from placement to stores. Orders may be lost; nothing depends on one order arriving.</summary>
public interface IPlacementOutbox
{
    void Send(StoreId store, PlacementOrders orders);
}
