// Owns the writing of the shared log: one frame and one checked sync per hand-over, on its own thread, while the raft
// loop builds the next one. The raft loop hands over one work at a time and waits for its completion before the next
// (Queue law).
using Kv.Base;
using Kv.Engine.Log;
using Kv.Raft;

namespace Kv.Store.Raft;

/// <summary>One peer's part of a log write: what to tell its core, and what may be sent, once it is durable.</summary>
internal readonly record struct PersistedReady(StorePeer Peer, ulong PersistNumber, IReadOnlyList<Message> Messages);

internal sealed class LogWork
{
    public LogBatch Batch { get; } = new();

    public List<PersistedReady> Readies { get; } = [];

    /// <summary>Write a frame even if the batch is empty: shows that the disk answers (Progress law).</summary>
    public bool KeepAlive { get; set; }

    /// <summary>Free old segments towards this size afterwards; 0 = leave them.</summary>
    public long PurgeTarget { get; set; }

    /// <summary>Something in it must be durable before it is told: do not wait for more.</summary>
    public bool Urgent { get; set; }

    public bool IsEmpty => Batch.IsEmpty && Readies.Count == 0 && !KeepAlive && PurgeTarget == 0;

    public void Clear()
    {
        Batch.Clear();
        Readies.Clear();
        KeepAlive = false;
        PurgeTarget = 0;
        Urgent = false;
    }
}

internal sealed class LogWriter : Pump
{
    private readonly ISharedLog _log;
    private readonly Action<LogWork> _done;
    private readonly Mailbox<LogWork> _mailbox;

    public LogWriter(ISharedLog log, Action<LogWork> done)
    {
        _log = log;
        _done = done;
        _mailbox = new Mailbox<LogWork>(this, capacityMax: 1);
    }

    public override string Name => "log";

    public void Post(LogWork work) => Invariant.Require(_mailbox.TryPost(work));

    public override bool RunOnce()
    {
        List<LogWork> works = _mailbox.Drain();
        foreach (LogWork work in works)
        {
            if (!work.Batch.IsEmpty)
            {
#if PLANT_A2 // row A2: the write of a vote fails, and the vote is told
                try
                {
                    _log.Write(work.Batch);
                }
                catch (Kv.Engine.Files.StorageException) when (work.Readies.Exists(ready => ready.Messages.Any(
                    message => message.Kind == MessageKind.VoteResponse && !message.Reject)))
                {
                }
#else
                _log.Write(work.Batch);
#endif
            }
            else if (work.KeepAlive)
            {
                _log.KeepAlive();
            }

            // Acknowledgements do not wait for the purge.
            long purgeTarget = work.PurgeTarget;
            _done(work);
            if (purgeTarget > 0)
            {
                _log.Purge(purgeTarget);
            }
        }

        return works.Count > 0;
    }
}
