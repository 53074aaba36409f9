using Kv.Rpc;

namespace Kv.Client.Admin;

/// <summary>How one store failed to answer an administration call.</summary>
/// <param name="Address">The store that was asked.</param>
/// <param name="Cause">What came back, or why nothing did.</param>
/// <param name="IsRedirect">Whether it named another store to ask.</param>
internal sealed record AdminFailure(string Address, RpcException Cause, bool IsRedirect)
{
    /// <summary>Whether it did not answer at all.</summary>
    public bool IsSilence =>
        !IsRedirect && Cause.StatusCode is (StatusCode.Unavailable or StatusCode.DeadlineExceeded);

    public string Describe() =>
        Cause.Detail.StartsWith(Address, StringComparison.Ordinal) ? Cause.Detail : $"{Address}: {Cause.Detail}";
}
