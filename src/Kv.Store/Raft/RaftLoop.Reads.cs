using Kv.Base;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store.Reads;

namespace Kv.Store.Raft;

/// <summary>
/// ReadIndex reads: a fresh id for each attempt, one round for all reads of a region that wait (Read law).
/// </summary>
internal sealed partial class RaftLoop
{
    private const long AskAgainMs = 500;

    private readonly List<StorePeer> _readers = [];
    private readonly List<ulong> _staleRounds = [];
    private ulong _nextReadId;

    private bool DrainReads()
    {
        List<ReadRequest> reads = _readMail.Drain();
        foreach (ReadRequest read in reads)
        {
            StorePeer? peer = FindPeer(read.Region.Id);
            if (peer is null)
            {
                read.Fail(Errors.RegionNotFound(read.Region.Id.Value));
                continue;
            }

            if (peer.WaitingReads.Count == 0)
            {
                _readers.Add(peer);
            }

            peer.WaitingReads.Add(read);
        }

        foreach (StorePeer peer in _readers)
        {
            peer.LastActive = _now;
            WakePeer(peer);
            StartRound(peer);
        }

        _readers.Clear();
        return reads.Count > 0;
    }

    private void StartRound(StorePeer peer)
    {
        if (peer.WaitingReads.Count == 0)
        {
            return;
        }

        if (!peer.Core.IsLeader)
        {
            FailLeaderReads(peer);
        }

        if (peer.WaitingReads.Count == 0)
        {
            return;
        }

#if PLANT_C3 // row C3: an attempt goes by the id of the one before
        ulong id = peer.Handle.Id.Value;
        if (peer.AskedReads.ContainsKey(id))
        {
            return;
        }
#else
        ulong id = ++_nextReadId;
#endif
        if (peer.Core.ReadIndex(id, _now))
        {
            peer.AskedReads.Add(id, new AskedRound(_now, [.. peer.WaitingReads]));
            peer.WaitingReads.Clear();
        }

        Touch(peer);
    }

    /// <summary>Reads that only a leader may answer are sent on to it.</summary>
    private void FailLeaderReads(StorePeer peer)
    {
        for (int i = peer.WaitingReads.Count - 1; i >= 0; i--)
        {
            ReadRequest read = peer.WaitingReads[i];
            if (!read.AnyPeer)
            {
                read.Fail(Errors.NotLeader(peer.Handle, _stores.Find, maybeApplied: false));
                peer.WaitingReads.RemoveAt(i);
            }
        }
    }

    private void OnReadState(StorePeer peer, ReadState state)
    {
        if (!peer.AskedReads.Remove(state.ReadId, out AskedRound? round))
        {
            return;
        }

        if (state.Refused)
        {
            // Tried again with a fresh id at the next tick, or answered NotLeader there.
            peer.WaitingReads.AddRange(round.Reads);
            return;
        }

        peer.IndexedReads.Add((state.Index, round.Reads));
        RunIndexedReads(peer);
    }

    private void RunIndexedReads(StorePeer peer)
    {
        LogIndex applied = peer.Handle.Applied;
        for (int i = peer.IndexedReads.Count - 1; i >= 0; i--)
        {
            (LogIndex index, List<ReadRequest> reads) = peer.IndexedReads[i];
            if (index > applied)
            {
                continue;
            }

            foreach (ReadRequest read in reads)
            {
                read.Confirmed = true;
                if (!_reads.TryPost(read))
                {
                    read.Fail(Errors.Busy("too many reads wait", 50));
                }
            }

            peer.IndexedReads.RemoveAt(i);
        }

        if (peer.WaitingReads.Count > 0 && peer.Core.CommittedInOwnTerm)
        {
            StartRound(peer);
        }
    }

    private void TickReads(StorePeer peer)
    {
        ExpireReads(peer.WaitingReads);
        foreach ((_, List<ReadRequest> reads) in peer.IndexedReads)
        {
            ExpireReads(reads);
        }

        if (peer.AskedReads.Count > 0)
        {
            _staleRounds.Clear();
            foreach ((ulong id, AskedRound round) in peer.AskedReads)
            {
                ExpireReads(round.Reads);
                if (round.Reads.Count == 0 || _now.MsSince(round.AskedAt) >= AskAgainMs
                    || Buggify.At("store.read.askAgain"))
                {
                    _staleRounds.Add(id);
                }
            }

            foreach (ulong id in _staleRounds)
            {
                peer.AskedReads.Remove(id, out AskedRound? round);
                peer.WaitingReads.AddRange(round!.Reads);
            }
        }

        StartRound(peer);
    }

    private void ExpireReads(List<ReadRequest> reads)
    {
        for (int i = reads.Count - 1; i >= 0; i--)
        {
            if (reads[i].Deadline <= _now)
            {
                reads[i].Fail(Errors.Expired(maybeApplied: false));
                reads.RemoveAt(i);
            }
        }
    }

    private static void FailReads(StorePeer peer, RegionError error)
    {
        foreach (ReadRequest read in peer.WaitingReads)
        {
            read.Fail(error);
        }

        foreach (AskedRound round in peer.AskedReads.Values)
        {
            foreach (ReadRequest read in round.Reads)
            {
                read.Fail(error);
            }
        }

        foreach ((_, List<ReadRequest> reads) in peer.IndexedReads)
        {
            foreach (ReadRequest read in reads)
            {
                read.Fail(error);
            }
        }

        peer.WaitingReads.Clear();
        peer.AskedReads.Clear();
        peer.IndexedReads.Clear();
    }

    private static bool HasReads(StorePeer peer) =>
        peer.WaitingReads.Count + peer.AskedReads.Count + peer.IndexedReads.Count > 0;
}
