using System.Runtime.InteropServices;
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Raft;
using Kv.Store.Apply;

namespace Kv.Store.Raft;

/// <summary>Writes: from the door into entries, one entry per region and turn where it fits.</summary>
internal sealed partial class RaftLoop
{
    private const int GatherMsMax = 5;
    private const int GatherCountMax = 64;

    private readonly List<StorePeer> _proposers = [];
    private readonly List<byte[]> _commands = [];
    private readonly List<PendingWrite> _batch = [];
    private Instant _gatherDue = Instant.Never;

    private bool DrainWrites()
    {
        List<PendingWrite> writes = _writeMail.Drain();
        foreach (PendingWrite write in writes)
        {
            StorePeer? peer = FindPeer(write.Region.Id);
            if (peer is null)
            {
                write.Fail(Errors.RegionNotFound(write.Region.Id.Value));
                continue;
            }

            if (peer.NewWrites.Count == 0)
            {
                peer.GatheringSince = _now;
                _proposers.Add(peer);
            }

            peer.LastActive = _now;
            peer.NewWrites.Add(write);
            peer.NewWriteBytes += write.Command.Length;
        }

        return writes.Count > 0;
    }

    /// <summary>
    /// While an entry of its region is on its way, writes gather, so that entries grow with the load and the cost of a
    /// round is shared; a lone write never waits. A full entry or a few milliseconds end the wait: what takes longer is
    /// distance, and there entries had better follow each other.
    /// </summary>
    private void ProposeGathered()
    {
        _gatherDue = Instant.Never;
        int left = 0;
        for (int i = 0; i < _proposers.Count; i++)
        {
            StorePeer peer = _proposers[i];
            Instant due = peer.GatheringSince.PlusMs(GatherMsMax);
            if (peer.Core.IsLeader && peer.Proposals.Count > 0 && peer.NewWrites.Count < GatherCountMax
                && peer.NewWriteBytes < _options.EntryBytesTarget && _now < due)
            {
                _gatherDue = due < _gatherDue ? due : _gatherDue;
                _proposers[left++] = peer;
                continue;
            }

            ProposeWrites(peer);
            peer.NewWrites.Clear();
            peer.NewWriteBytes = 0;
        }

        _proposers.RemoveRange(left, _proposers.Count - left);
    }

    /// <summary>
    /// All writes of a region that wait become entries of at most the target size; order is the order of arrival.
    /// </summary>
    private void ProposeWrites(StorePeer peer)
    {
        if (FindPeer(peer.Handle.Id) != peer)
        {
            // Stopped while they gathered.
            peer.NewWrites.ForEach(write => write.Fail(Errors.RegionNotFound(peer.Handle.Id.Value)));
            return;
        }

        WakePeer(peer);
        ulong version = peer.Handle.Descriptor.Epoch.Version;
        int bytes = 0;
        foreach (PendingWrite write in peer.NewWrites)
        {
            if (write.Deadline <= _now)
            {
                write.Fail(Errors.Expired(maybeApplied: false));
                continue;
            }

            if (write.RequiredTerm != Term.Zero && write.RequiredTerm != peer.Core.Term)
            {
                write.Fail(Errors.NotLeader(peer.Handle, _stores.Find, maybeApplied: false));
                continue;
            }

            // Epoch law: a command routed by another version is answered at the door.
            if (write.Version != version)
            {
                write.Fail(Errors.EpochNotMatch(peer.Handle));
                continue;
            }

            if (_batch.Count > 0
                && (bytes + write.Command.Length > _options.EntryBytesTarget
                    || _batch.Count == EntryCodec.CommandCountMax
                    || Buggify.At("store.entry.single")))
            {
                ProposeBatch(peer, version);
                bytes = 0;
            }

            _batch.Add(write);
            bytes += write.Command.Length;
        }

        if (_batch.Count > 0)
        {
            ProposeBatch(peer, version);
        }
    }

    private void ProposeBatch(StorePeer peer, ulong version)
    {
        foreach (PendingWrite write in _batch)
        {
            _commands.Add(write.Command);
        }

        // Region time: never below the entry before; apply takes the greater of the two in any case.
        ulong time = Math.Max(Math.Max(_regionClock.Now(), peer.ProposedTime), peer.Handle.RegionTime);
        byte[] entry = EntryCodec.EncodeEntry(version, time, CollectionsMarshal.AsSpan(_commands));
        _commands.Clear();
        ProposeResult result = peer.Core.Propose(entry, Crc32C.Compute(entry), _now);
        if (result.IsAccepted)
        {
            peer.ProposedTime = time;
            peer.Proposals.Enqueue(new ProposalBatch(result.Index, result.Term, [.. _batch]));
            Touch(peer);
        }
        else
        {
            foreach (PendingWrite write in _batch)
            {
                write.Fail(Refusal(peer, result.Outcome));
            }
        }

        _batch.Clear();
    }

    private Protocol.V1.RegionError Refusal(StorePeer peer, ProposeOutcome outcome) => outcome switch
    {
        ProposeOutcome.NotLeader => Errors.NotLeader(peer.Handle, _stores.Find, maybeApplied: false),
        ProposeOutcome.Transferring => Errors.Busy($"region {peer.Handle.Id} hands its leadership over", 20),
        ProposeOutcome.TooManyUncommittedBytes => Errors.Busy($"region {peer.Handle.Id} waits for a quorum", 200),
        ProposeOutcome.EntryTooLarge => Errors.Invalid("mutations", "the write is larger than one raft entry may be"),
        _ => throw Invariant.Unreachable(outcome),
    };

    /// <summary>The proposals whose entries are among these committed ones, in order.</summary>
    private static List<ProposalBatch> TakeProposals(StorePeer peer, IReadOnlyList<Entry> committed)
    {
        var taken = new List<ProposalBatch>();
        if (peer.Proposals.Count == 0)
        {
            return taken;
        }

        foreach (Entry entry in committed)
        {
            while (peer.Proposals.TryPeek(out ProposalBatch? proposal) && proposal.Index <= entry.Index)
            {
                peer.Proposals.Dequeue();
                if (proposal.Index == entry.Index && proposal.Term == entry.Term)
                {
                    taken.Add(proposal);
                }
                else
                {
                    // Another entry has this place for ever: what was proposed here did not and will not happen.
                    FailProposal(proposal, write => Errors.Busy("another leader's entry took the write's place", 1));
                }
            }
        }

        return taken;
    }

    /// <summary>
    /// Leadership is gone: the entries may still be committed by the next leader. Nobody waits for that; the writers
    /// retry with the same identity and get the first outcome (Once law).
    /// </summary>
    private void AbandonProposals(StorePeer peer)
    {
        while (peer.Proposals.TryDequeue(out ProposalBatch? proposal))
        {
            FailProposal(proposal, _ => Errors.NotLeader(peer.Handle, _stores.Find, maybeApplied: true));
        }
    }

    private static void FailProposal(ProposalBatch proposal, Func<PendingWrite, Protocol.V1.RegionError> error)
    {
        foreach (PendingWrite write in proposal.Writes)
        {
            write.Fail(error(write));
        }
    }

    /// <summary>Writes whose caller has stopped waiting: after proposal their outcome is in doubt (Wire law).</summary>
    private void TickProposals(StorePeer peer)
    {
        foreach (ProposalBatch proposal in peer.Proposals)
        {
            bool any = false;
            foreach (PendingWrite write in proposal.Writes)
            {
                if (!write.IsAnswered && write.Deadline <= _now)
                {
                    write.Fail(Errors.Expired(maybeApplied: true));
                    any = true;
                }
            }

            if (!any)
            {
                break;
            }
        }
    }
}
