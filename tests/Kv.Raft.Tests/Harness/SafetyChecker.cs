using Kv.Base;

namespace Kv.Raft.Tests.Harness;

/// <summary>
/// Watches a group and fails at the first moment something unsafe is seen: two leaders in a term, a new leader
/// without a committed entry, two entries applied at one index, a lease that runs while another leader commits, a
/// stale read.
/// </summary>
internal sealed class SafetyChecker(TestGroup group)
{
    private readonly Dictionary<Term, PeerId> _leaders = [];
    private readonly SortedDictionary<LogIndex, (Term Term, uint Crc)> _committed = [];
    private readonly Dictionary<LogIndex, ConfState> _confs = [];
    private readonly Dictionary<(PeerId, ulong), LogIndex> _readFloors = [];
    private readonly Dictionary<(PeerId, Term), LogIndex> _changed = [];
    private readonly Dictionary<PeerId, (Term Term, PeerId Vote)> _votes = [];

    /// <summary>The highest index that any leader called committed.</summary>
    public LogIndex CommittedMax { get; private set; }

    public int LeaderCount => _leaders.Count;

    public int ReadCount { get; private set; }

    public int LeaseTurnCount { get; private set; }

    /// <summary>
    /// Called before the ReadIndex goes in: the answer may not be older than what anybody has applied by now, and so
    /// may have answered or shown.
    /// </summary>
    public void OnReadAsked(TestPeer peer, ulong readId) => _readFloors[(peer.Core.Id, readId)] = AppliedMax();

    public void OnReads(TestPeer peer, IReadOnlyList<ReadState> reads)
    {
        foreach (ReadState read in reads)
        {
            Assert.True(
                _readFloors.Remove((peer.Core.Id, read.ReadId), out LogIndex floor), "answered twice, or never asked");
            if (!read.Refused)
            {
                ReadCount++;
                Assert.True(read.Index >= floor, $"stale read on {peer.Core.Id}: {read.Index} below {floor}");
            }
        }
    }

    public void OnApplied(TestPeer peer, Entry entry)
    {
        var seen = (entry.Term, entry.DataCrc);
        if (_committed.TryGetValue(entry.Index, out (Term, uint) known))
        {
            Assert.True(known == seen, $"peer {peer.Core.Id} applied another entry at {entry.Index}");
        }
        else
        {
            _committed[entry.Index] = seen;
        }
    }

    /// <summary>
    /// A leader adds a change of membership only when it has committed in its own term (row D1) and no change before it
    /// is uncommitted (row D2): else two majorities need not overlap.
    /// </summary>
    public void OnEntries(TestPeer peer, IReadOnlyList<Entry> entries)
    {
        RaftPeer core = peer.Core;
        LogIndex before = LogIndex.Zero;
        foreach (Entry entry in entries)
        {
            if (entry.Kind != EntryKind.ConfChange || !core.IsLeader || entry.Term != core.Term)
            {
                continue;
            }

            Assert.True(core.CommittedInOwnTerm
                && core.TryTermAt(core.Committed, out Term committed) && committed == core.Term,
                $"{core.Id} adds a change of membership at {entry.Index}, having committed nothing in {core.Term}");
            before = LogIndex.Greater(before, _changed.GetValueOrDefault((core.Id, core.Term)));
            Assert.True(before <= core.Committed,
                $"{core.Id} adds a change of membership at {entry.Index}; the one at {before} is not committed");
            before = entry.Index;
            _changed[(core.Id, core.Term)] = entry.Index;
        }
    }

    public void OnConf(TestPeer peer, LogIndex index, ConfState conf)
    {
        string text = Describe(conf);
        if (_confs.TryGetValue(index, out ConfState? known))
        {
            Assert.Equal(Describe(known), text);
        }

        _confs[index] = conf;
        Assert.NotNull(peer);
    }

    /// <summary>After each turn of a peer.</summary>
    public void OnTurn(TestPeer peer)
    {
        RaftPeer core = peer.Core;
        CheckVote(core);
        if (!core.IsLeader)
        {
            return;
        }

        if (_leaders.TryGetValue(core.Term, out PeerId other))
        {
            Assert.True(other == core.Id, $"term {core.Term} has two leaders, {other} and {core.Id}");
        }
        else
        {
            _leaders[core.Term] = core.Id;
            CheckCompleteness(core);
        }

        if (core.Committed > CommittedMax)
        {
            CommittedMax = core.Committed;
            foreach (TestPeer each in group.Peers)
            {
                // A deposed leader may learn late what was committed in its term; a newer leader has that in its log,
                // and reads nothing before it has committed in its own.
                Assert.False(
                    each != peer && each.LeaseRuns && (each.Core.Term < core.Term || each.Core.CommittedInOwnTerm),
                    $"{core.Id} commits {core.Committed} in term {core.Term} while {each.Core.Id} holds a lease of "
                    + $"term {each.Core.Term}");
            }
        }

        CheckLeases(peer);
    }

    private void CheckLeases(TestPeer peer)
    {
        if (!peer.LeaseRuns)
        {
            return;
        }

        LeaseTurnCount++;
        Assert.True(!peer.Core.CommittedInOwnTerm || peer.Core.Committed >= CommittedMax,
            $"{peer.Core.Id} would read at {peer.Core.Committed} under its lease; {CommittedMax} is committed");
        if (ReadsInOwnTerm(peer.Core))
        {
            Assert.True(peer.Core.Applied >= AppliedMax(),
                $"{peer.Core.Id} would read at {peer.Core.Applied} under its lease; {AppliedMax()} is applied");
        }

        foreach (TestPeer each in group.Peers)
        {
            Assert.False(each != peer && each.LeaseRuns, $"two leases: {peer.Core.Id} and {each.Core.Id}");
        }
    }

    /// <summary>The applied term is the leader's own: its gate is open (Read law).</summary>
    private static bool ReadsInOwnTerm(RaftPeer core) =>
        core.TryTermAt(core.Applied, out Term term) && term == core.Term;

    private LogIndex AppliedMax()
    {
        LogIndex most = LogIndex.Zero;
        foreach (TestPeer each in group.Peers)
        {
            most = LogIndex.Greater(most, each.Core.Applied);
        }

        return most;
    }

    private void CheckVote(RaftPeer core)
    {
        if (_votes.TryGetValue(core.Id, out (Term Term, PeerId Vote) last) && last.Term == core.Term
            && !last.Vote.IsNone && !group[core.Id.Value].IsDown)
        {
            // In one life of a peer; after a crash the durable vote is what counts, and election safety sees through
            // it.
            Assert.True(core.Vote == last.Vote || core.Vote.IsNone, $"{core.Id} voted twice in {core.Term}");
        }

        _votes[core.Id] = (core.Term, core.Vote);
    }

    private void CheckCompleteness(RaftPeer leader)
    {
        foreach ((LogIndex index, (Term term, _)) in _committed.Reverse().Take(200))
        {
            if (index < leader.FirstIndex)
            {
                break;
            }

            Assert.True(leader.TryTermAt(index, out Term own) && own == term,
                $"leader {leader.Id} of term {leader.Term} lacks committed entry {index} of term {term}");
        }
    }

    /// <summary>Entries with the same index and term are the same, and so is everything before them.</summary>
    public void CheckLogMatching()
    {
        TestPeer[] peers = [.. group.Peers];
        for (int a = 0; a < peers.Length; a++)
        {
            for (int b = 0; b < a; b++)
            {
                CheckPair(peers[a].Log, peers[b].Log);
            }
        }
    }

    private static void CheckPair(MemoryLog one, MemoryLog other)
    {
        bool same = false;
        for (ulong at = Math.Min(one.LastIndex.Value, other.LastIndex.Value);
             at >= Math.Max(one.FirstIndex.Value, other.FirstIndex.Value);
             at--)
        {
            Entry left = one.Entries[(int)(at - one.FirstIndex.Value)];
            Entry right = other.Entries[(int)(at - other.FirstIndex.Value)];
            same |= left.Term == right.Term;
            Assert.True(
                !same || (left.Term == right.Term && left.DataCrc == right.DataCrc),
                $"logs differ at {at} below a match");
        }
    }

    public static string Describe(ConfState conf) =>
        $"{string.Join(",", conf.Voters)}/{string.Join(",", conf.VotersOutgoing)}/{string.Join(",", conf.Learners)}/"
        + $"{string.Join(",", conf.LearnersNext)}/{conf.AutoLeave}";
}
