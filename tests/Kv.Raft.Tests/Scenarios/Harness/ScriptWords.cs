// Owns the words in which transcripts speak of messages, entries and memberships. Short, complete, and stable: a change
// here changes every golden file.
using System.Text;
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal static class ScriptWords
{
    private const int PayloadShownMax = 12;

    /// <summary>The word for a message's kind and answer, as scripts and transcripts use it.</summary>
    public static string KindOf(Message message) => message.Kind switch
    {
        MessageKind.PreVote => "prevote",
        MessageKind.PreVoteResponse => message.Reject ? "prevote-no" : "prevote-yes",
        MessageKind.Vote => "vote",
        MessageKind.VoteResponse => message.Reject ? "vote-no" : "vote-yes",
        MessageKind.Append => "append",
        MessageKind.AppendResponse => message.Reject ? "append-no" : "append-yes",
        MessageKind.Heartbeat => "heartbeat",
        MessageKind.HeartbeatResponse => "heartbeat-yes",
        MessageKind.Snapshot => "snapshot",
        MessageKind.TimeoutNow => "timeout-now",
        MessageKind.ReadIndex => "read-index",
        MessageKind.ReadIndexResponse => message.Reject ? "read-no" : "read-yes",
        _ => throw Invariant.Unreachable(message.Kind),
    };

    /// <summary>Who to whom, kind and term: enough to know a message again.</summary>
    public static string Short(Message message) =>
        $"{message.From}->{message.To} {KindOf(message)} t{message.Term}";

    public static string Full(Message message) => Short(message) + message.Kind switch
    {
        MessageKind.PreVote or MessageKind.Vote => $" log {message.LogIndex}/{message.LogTerm}"
            + (message.Transfer ? " transfer" : "")
            + (message.Priority != 0 ? $" priority {message.Priority}" : ""),
        MessageKind.Append => $" after {message.LogIndex}/{message.LogTerm} commit {message.Commit}"
            + $" [{Entries(message.Entries)}]",
        MessageKind.AppendResponse when message.Reject =>
            $" after {message.LogIndex}, try {message.RejectHint}/{message.LogTerm}, commit {message.Commit}",
        MessageKind.AppendResponse => $" to {message.LogIndex} commit {message.Commit}",
        MessageKind.Heartbeat => $" commit {message.Commit}{Round(message)}",
        MessageKind.HeartbeatResponse => $" log {message.LogIndex} commit {message.Commit}{Round(message)}",
        MessageKind.Snapshot =>
            $" {message.Snapshot!.Index}/{message.Snapshot.Term} {Conf(message.Snapshot.Conf)}",
        MessageKind.ReadIndex => $" id {message.ReadId}",
        MessageKind.ReadIndexResponse =>
            $" id {message.ReadId}" + (message.Reject ? "" : $" at {message.LogIndex}"),
        _ => "",
    };

    public static string Entries(IEnumerable<Entry> entries) => string.Join(", ", entries.Select(Entry));

    public static string Entry(Entry entry) => $"{entry.Index}/{entry.Term} " + entry.Kind switch
    {
        EntryKind.Empty => "empty",
        EntryKind.Normal => Payload(entry),
        EntryKind.ConfChange =>
            ConfChange.TryDecode(entry.Data.Span, out ConfChange change) ? Change(change) : "damaged",
        _ => throw Invariant.Unreachable(entry.Kind),
    };

    public static string Text(Entry entry) => Encoding.ASCII.GetString(entry.Data.Span).TrimEnd('.');

    public static string Change(ConfChange change)
    {
        if (change.IsLeave)
        {
            return "{leave}";
        }

        string steps = string.Join(" ", change.Steps.Select(step => step.Kind switch
        {
            ConfChangeKind.AddVoter => $"voter:{step.Peer}",
            ConfChangeKind.AddLearner => $"learner:{step.Peer}",
            ConfChangeKind.RemovePeer => $"remove:{step.Peer}",
            _ => $"kind-{(int)step.Kind}:{step.Peer}",
        }));
        return change.Transition switch
        {
            ConfTransition.Auto => $"{{{steps}}}",
            ConfTransition.JointImplicit => $"{{{steps} implicit}}",
            ConfTransition.JointExplicit => $"{{{steps} explicit}}",
            _ => throw Invariant.Unreachable(change.Transition),
        };
    }

    public static string Conf(ConfState conf) =>
        $"voters {List(conf.Voters)}"
        + (conf.VotersOutgoing.Count > 0 ? $" outgoing {List(conf.VotersOutgoing)}" : "")
        + (conf.Learners.Count > 0 ? $" learners {List(conf.Learners)}" : "")
        + (conf.LearnersNext.Count > 0 ? $" next {List(conf.LearnersNext)}" : "")
        + (conf.AutoLeave ? " autoleave" : "");

    public static string Role(Role role) => role switch
    {
        Kv.Raft.Role.Follower => "follower",
        Kv.Raft.Role.PreCandidate => "pre-candidate",
        Kv.Raft.Role.Candidate => "candidate",
        Kv.Raft.Role.Leader => "leader",
        _ => throw Invariant.Unreachable(role),
    };

    public static string State(ProgressState state) => state switch
    {
        ProgressState.Probe => "probe",
        ProgressState.Replicate => "replicate",
        ProgressState.Snapshot => "snapshot",
        _ => throw Invariant.Unreachable(state),
    };

    public static string Progress(PeerProgress peer) =>
        $"{peer.Peer} {State(peer.State)} match {peer.Match} next {peer.Next}"
        + (peer.PendingSnapshot > LogIndex.Zero ? $" snapshot {peer.PendingSnapshot}" : "")
        + (peer.IsPaused ? " paused" : "") + (peer.RecentActive ? "" : " inactive")
        + (peer.IsLearner ? " learner" : "")
        + (peer.InflightCount > 0 ? $" inflight {peer.InflightCount} ({peer.InflightBytes} bytes)" : "");

    public static string List(IEnumerable<PeerId> peers) =>
        string.Join(",", peers) is { Length: > 0 } text ? text : "-";

    private static string Round(Message message) => message.ReadId > 0 ? $" round {message.ReadId}" : "";

    private static string Payload(Entry entry)
    {
        string text = Encoding.ASCII.GetString(entry.Data.Span);
        return text.Length <= PayloadShownMax ? text : $"{Text(entry)} of {text.Length} bytes";
    }
}
