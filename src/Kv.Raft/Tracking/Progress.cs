// Owns what a leader knows about one peer of its group (itself included). Lives from the election to the step-down.
// Invariants: Match < Next; Match never falls; in Probe at most one append is under way; in Snapshot none.
using Kv.Base;

namespace Kv.Raft;

internal sealed class Progress(PeerId id, LogIndex next, int inflightCountMax, long inflightBytesMax)
{
    public PeerId Id { get; } = id;

    /// <summary>
    /// Use: the commit quorum, and heartbeats' commit. Invariant: the peer's durable log agrees with the leader's up
    /// to here. For the leader itself: what its own log has persisted.
    /// </summary>
    public LogIndex Match { get; private set; }

    /// <summary>Use: the first entry of the next append. In Replicate it runs ahead of what was acknowledged.</summary>
    public LogIndex Next { get; private set; } = next;

    public ProgressState State { get; private set; } = ProgressState.Probe;

    /// <summary>Use: in Snapshot, the index of the snapshot under way; else 0.</summary>
    public LogIndex PendingSnapshot { get; private set; }

    /// <summary>Use: in Snapshot, ticks since it was sent.</summary>
    public int SnapshotElapsed { get; set; }

    /// <summary>Use: check-quorum. Set by any answer of this term, cleared each election interval.</summary>
    public bool RecentActive { get; set; }

    /// <summary>Use: the highest commit index told to this peer, so that no append is sent only to repeat it.</summary>
    public LogIndex SentCommit { get; private set; }

    /// <summary>Use: Sleep law. The highest commit index that the peer itself said it knows.</summary>
    public LogIndex KnownCommit { get; private set; }

    /// <summary>
    /// Use: Lease law. Send time, by the leader's clock, of the newest heartbeat or append this peer acknowledged in
    /// this term; Zero = none.
    /// </summary>
    public Instant AckedSentAt { get; private set; }

    /// <summary>Use: ReadIndex. The newest heartbeat round this peer acknowledged in this term.</summary>
    public ulong AckedReadRound { get; private set; }

    /// <summary>Use: Probe and Replicate. Sending waits for an answer; a heartbeat's answer lets one more message
    /// go.</summary>
    public bool FlowPaused { get; private set; }

    public Inflights Inflights { get; } = new(inflightCountMax, inflightBytesMax);

    /// <summary>Whether nothing may be sent now.</summary>
    public bool IsPaused => State switch
    {
        ProgressState.Probe or ProgressState.Replicate => FlowPaused,
        ProgressState.Snapshot => true,
        _ => throw Invariant.Unreachable(State),
    };

    public void BecomeProbe()
    {
        // Out of a snapshot the peer holds at least what the snapshot brought, if it arrived: start probing behind it.
        LogIndex held = State == ProgressState.Snapshot ? LogIndex.Greater(Match, PendingSnapshot) : Match;
        ResetTo(ProgressState.Probe);
        Next = held.Next();
        SentCommit = LogIndex.Min(SentCommit, Next.Previous());
    }

    public void BecomeReplicate()
    {
        ResetTo(ProgressState.Replicate);
        Next = Match.Next();
    }

    public void BecomeSnapshot(LogIndex snapshot)
    {
        ResetTo(ProgressState.Snapshot);
        PendingSnapshot = snapshot;
        SnapshotElapsed = 0;
        Next = LogIndex.Greater(snapshot, Match).Next();
        SentCommit = snapshot;
    }

    /// <summary>The peer acknowledged everything up to <paramref name="index"/>. False = nothing new.</summary>
    public bool MaybeUpdate(LogIndex index)
    {
        if (index <= Match)
        {
            return false;
        }

        Match = index;
        Next = LogIndex.Greater(Next, index.Next());
        FlowPaused = false;
        return true;
    }

    /// <summary>
    /// The peer refused the append after <paramref name="rejected"/>; its log can agree at most up to
    /// <paramref name="matchHint"/>. False = the refusal is of an older message and says nothing.
    /// </summary>
    public bool MaybeDecrease(LogIndex rejected, LogIndex matchHint)
    {
        if (State == ProgressState.Replicate)
        {
            if (rejected <= Match)
            {
                return false;
            }

            Next = Match.Next();
            SentCommit = LogIndex.Min(SentCommit, Match);
            return true;
        }

        if (Next.Previous() != rejected)
        {
            return false;
        }

        LogIndex lower = matchHint < rejected ? matchHint.Next() : rejected;
        Next = LogIndex.Greater(lower, Match.Next());
        SentCommit = LogIndex.Min(SentCommit, Next.Previous());
        FlowPaused = false;
        return true;
    }

    /// <summary>An append with <paramref name="count"/> entries of <paramref name="bytes"/> bytes went out from <see
    /// cref="Next"/>.</summary>
    public void OnSent(int count, long bytes)
    {
        Invariant.Require(!IsPaused && count >= 0);
        if (State == ProgressState.Replicate)
        {
            if (count > 0)
            {
                Next += (ulong)count;
                Inflights.Add(Next.Previous(), bytes);
            }

            FlowPaused = Inflights.IsFull;
        }
        else
        {
            FlowPaused = count > 0;
        }
    }

    public void OnCommitSent(LogIndex commit) => SentCommit = LogIndex.Greater(SentCommit, commit);

    /// <summary>Whether an append without entries would tell the peer of a commit it can use and was not
    /// told.</summary>
    public bool CanRaiseCommit(LogIndex committed) => committed > SentCommit && SentCommit < Next.Previous();

    /// <summary>A heartbeat came back: whatever an earlier message waited for may be lost, so one more may
    /// go.</summary>
    public void ResumeFlow() => FlowPaused = false;

    /// <summary>Waits for the next heartbeat's answer before anything is sent.</summary>
    public void PauseFlow() => FlowPaused = true;

    /// <summary>The snapshot under way did not arrive.</summary>
    public void OnSnapshotFailed()
    {
        PendingSnapshot = LogIndex.Zero;
        BecomeProbe();
    }

    public void OnKnownCommit(LogIndex commit) => KnownCommit = LogIndex.Greater(KnownCommit, commit);

    public void OnLeaseAck(Instant sentAt) => AckedSentAt = Instant.Later(AckedSentAt, sentAt);

    /// <summary>Sleep law: what was acknowledged before the sleep gives no lease after it.</summary>
    public void ForgetLeaseAck() => AckedSentAt = Instant.Zero;

    public void OnReadRoundAck(ulong round) => AckedReadRound = Math.Max(AckedReadRound, round);

    private void ResetTo(ProgressState state)
    {
        State = state;
        FlowPaused = false;
        PendingSnapshot = LogIndex.Zero;
        Inflights.Clear();
    }
}
