using Kv.Base;

namespace Kv.Raft;

/// <summary>What each voter answered in one election.</summary>
internal interface IVoteValues
{
    /// <summary>True granted, false refused, null not answered yet.</summary>
    bool? VoteOf(PeerId voter);
}
