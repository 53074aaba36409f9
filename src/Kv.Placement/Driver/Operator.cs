using Kv.Base;
using Kv.Placement.Balance;

namespace Kv.Placement.Driver;

/// <summary>A transfer under way.</summary>
internal sealed record Operator(ulong Id, LeaderTransfer Transfer, Instant Deadline, Action<TransferResult>? Done);
