// Owns what a message must look like before it is believed. Everything here comes from the wire: a broken or hostile
// sender must not be able to stop the process or destroy the group (testing rows 37 to 40).
using Kv.Base;

namespace Kv.Raft;

internal static class MessageCheck
{
    /// <summary>No healthy group's terms run ahead of each other by this much.</summary>
    public const ulong TermLeadMax = 1UL << 32;

    private static readonly LogIndex IndexMax = new(1UL << 62);

    public static bool IsResponse(MessageKind kind) => kind is MessageKind.PreVoteResponse or MessageKind.VoteResponse
        or MessageKind.AppendResponse or MessageKind.HeartbeatResponse or MessageKind.ReadIndexResponse;

    public static bool IsWellFormed(Message message, PeerId self, Term current, Instant now)
    {
        if (message.To != self || message.From == self || message.From.IsNone || message.Term == Term.Zero)
        {
            return false;
        }

        if (message.Term > current && message.Term.Value - current.Value > TermLeadMax)
        {
            return false;
        }

        if (message.LogIndex > IndexMax || message.Commit > IndexMax || message.SentAt < Instant.Zero)
        {
            return false;
        }

        return message.Kind switch
        {
            MessageKind.PreVote or MessageKind.Vote => message.LogTerm < message.Term && IsPlace(message),
            MessageKind.Append => message.LogTerm <= message.Term && IsPlace(message) && AreConsecutive(message),
            MessageKind.AppendResponse => (!message.Reject || message.RejectHint <= IndexMax) && message.SentAt <= now,
            MessageKind.HeartbeatResponse => message.SentAt <= now,
            MessageKind.Snapshot => IsSnapshot(message),
            MessageKind.PreVoteResponse or MessageKind.VoteResponse or MessageKind.Heartbeat or MessageKind.TimeoutNow
                or MessageKind.ReadIndex or MessageKind.ReadIndexResponse => true,
            _ => false,
        };
    }

    /// <summary>Index 0 is before every log and has no term; every other place has one.</summary>
    private static bool IsPlace(Message message) =>
        (message.LogIndex == LogIndex.Zero) == (message.LogTerm == Term.Zero);

    private static bool AreConsecutive(Message message)
    {
        LogIndex index = message.LogIndex;
        Term term = message.LogTerm;
        IReadOnlyList<Entry> entries = message.Entries;
        for (int i = 0; i < entries.Count; i++)
        {
            Entry entry = entries[i];
            if (entry.Index != index.Next() || entry.Term < term || entry.Term == Term.Zero || entry.Term > message.Term
                || entry.Kind > EntryKind.ConfChange)
            {
                return false;
            }

            index = entry.Index;
            term = entry.Term;
        }

        return index <= IndexMax;
    }

    private static bool IsSnapshot(Message message)
    {
        if (message.Snapshot is not { } snapshot || snapshot.Index == LogIndex.Zero || snapshot.Index > IndexMax
            || snapshot.Term == Term.Zero || snapshot.Term > message.Term)
        {
            return false;
        }

        return ConfCheck.IsValid(snapshot.Conf);
    }
}
