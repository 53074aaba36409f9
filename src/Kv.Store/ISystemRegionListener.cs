using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>
/// What placement hears from the store it runs beside. Called inside the raft loop: it hands over to a mailbox and
/// returns at once.
/// </summary>
public interface ISystemRegionListener
{
    /// <summary>This store leads region 1 in this term and has applied an entry of it.</summary>
    void OnLeadership(Term term);

    void OnLeadershipLost();

    /// <summary>Another store is now believed to lead region 1; null = nobody is known to.</summary>
    void OnLeaderHint(StoreInfo? leader);

    /// <summary>A report that reached this store because it leads region 1.</summary>
    void OnReport(StoreReport report);

    /// <summary>
    /// A request for routes that reached this store's door; <paramref name="answer"/> is called exactly once.
    /// </summary>
    void OnRoutes(RoutesRequest request, Action<RoutesResponse> answer);
}
