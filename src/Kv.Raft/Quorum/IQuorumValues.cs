using Kv.Base;

namespace Kv.Raft;

/// <summary>One number per voter, for quorum arithmetic. Implemented by structs so that no delegate is
/// allocated.</summary>
internal interface IQuorumValues
{
    /// <summary>The voter's number; 0 when it has told none.</summary>
    ulong ValueOf(PeerId voter);
}
