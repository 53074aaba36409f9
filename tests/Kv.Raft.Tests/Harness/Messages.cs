using Kv.Base;

namespace Kv.Raft.Tests.Harness;

/// <summary>Single messages, as a peer of the group would write them.</summary>
internal static class Messages
{
    public static Message Vote(ulong from, ulong to, ulong term, ulong lastIndex = 0, ulong lastTerm = 0) => new()
    {
        Kind = MessageKind.Vote,
        From = new PeerId(from),
        To = new PeerId(to),
        Term = new Term(term),
        LogIndex = new LogIndex(lastIndex),
        LogTerm = new Term(lastTerm),
    };

    public static Message PreVote(ulong from, ulong to, ulong term, ulong lastIndex = 0, ulong lastTerm = 0) =>
        Vote(from, to, term, lastIndex, lastTerm) with { Kind = MessageKind.PreVote };

    /// <summary>An append after (previous, previousTerm) with one entry per term in <paramref
    /// name="terms"/>.</summary>
    public static Message Append(
        ulong from, ulong to, ulong term, ulong previous, ulong previousTerm, ulong commit, params ulong[] terms) =>
        new()
    {
        Kind = MessageKind.Append,
        From = new PeerId(from),
        To = new PeerId(to),
        Term = new Term(term),
        LogIndex = new LogIndex(previous),
        LogTerm = new Term(previousTerm),
        Commit = new LogIndex(commit),
        Entries = [.. terms.Select((t, i) => Entry(previous + (ulong)i + 1, t))],
    };

    public static Message Heartbeat(ulong from, ulong to, ulong term, ulong commit = 0) => new()
    {
        Kind = MessageKind.Heartbeat,
        From = new PeerId(from),
        To = new PeerId(to),
        Term = new Term(term),
        Commit = new LogIndex(commit),
    };

    public static Message Answer(MessageKind kind, ulong from, ulong to, ulong term, bool reject = false) => new()
    {
        Kind = kind,
        From = new PeerId(from),
        To = new PeerId(to),
        Term = new Term(term),
        Reject = reject,
    };

    public static Entry Entry(ulong index, ulong term) =>
        new(new LogIndex(index), new Term(term), EntryKind.Normal, new byte[8], 0);

    /// <summary>The bare algorithm of the paper: no pre-vote, no check-quorum, no lease.</summary>
    public static RaftConfig Bare(RaftConfig config) =>
        config with { PreVote = false, CheckQuorum = false, LeaseMs = 0 };

    /// <summary>A group whose logs consist of entries of these terms.</summary>
    public static TestGroup WithLogs(Func<RaftConfig, RaftConfig>? configure, params ulong[][] terms)
    {
        ConfState conf = ConfState.OfVoters([.. Enumerable.Range(1, terms.Length).Select(i => new PeerId((ulong)i))]);
        Term newest = new(terms.Max(log => log.DefaultIfEmpty(0UL).Max()));
        return new TestGroup(conf, configure, 1, id => MemoryLog.Of(
            new HardState(newest, default, default),
            [.. terms[id.Value - 1].Select((t, i) => Entry((ulong)i + 1, t))]));
    }

    public static ulong[] TermsOf(TestPeer peer) => [.. peer.Log.Entries.Select(entry => entry.Term.Value)];
}
