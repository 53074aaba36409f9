// Owns one request on its way: where it waits or is under way, how often it was tried. A call is in at most one list at
// a time.
using System.Globalization;
using System.Text;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>
/// One thing to ask of one store at a time, tried until it is answered or no longer wanted. Touched by the pump only.
/// </summary>
internal abstract class Call(int costBytes)
{
    // Links of the list that holds the call; owned by CallList.
    internal CallList? List;
    internal Call? PreviousInList;
    internal Call? NextInList;

    /// <summary>Id of the attempt under way; a fresh one per attempt, 0 = none.</summary>
    public ulong RequestId { get; set; }

    /// <summary>The store that the attempt under way went to; null = none under way.</summary>
    public StoreLane? Lane { get; set; }

    public Instant SentAt { get; set; }

    public Instant AttemptDeadline { get; set; }

    /// <summary>Key and value bytes, for the windows.</summary>
    public int CostBytes { get; protected set; } = costBytes;

    public int AttemptCount { get; set; }

    public int AttemptTimeoutCount { get; set; }

    /// <summary>Raised when another peer shall be asked next.</summary>
    public int Rotation { get; set; }

    /// <summary>
    /// Hints followed without a wait in between; stores that point at each other must not keep a call spinning.
    /// </summary>
    public int HopCount { get; set; }

    public string? LastError { get; set; }

    public bool InFlight => RequestId != 0;

    /// <summary>Waits spent so far; made with the first one.</summary>
    public Backoff? Spent { get; private set; }

    /// <summary>Number of the wait under way; a timer of an older one is void.</summary>
    public int WaitNumber { get; set; }

    /// <summary>Whether anyone still waits for the answer.</summary>
    public abstract bool Wanted { get; }

    /// <summary>When the caller's time is over; <see cref="Instant.Never"/> for the client's own lookups.</summary>
    public abstract Instant Deadline { get; }

    public abstract int AttemptTimeoutMs(KvClientOptions options);

    /// <summary>Chooses a store and queues for it, or waits.</summary>
    public abstract void Dispatch();

    /// <summary>Sets the command of the request.</summary>
    public abstract void Fill(Request request);

    public abstract void OnResponse(StoreLane lane, Response response);

    /// <summary>The attempt was never sent.</summary>
    public abstract void OnNotSent(StoreLane lane);

    /// <summary>The attempt got no answer and may have been executed, or may still be.</summary>
    public abstract void OnInDoubt(StoreLane lane);

    public int NextWaitMs(BackoffKind kind, DeterministicRandom random, int floorMs) =>
        (Spent ??= new Backoff()).NextMs(kind, random, floorMs);

    /// <summary>One clause on what was tried, for error texts.</summary>
    public void DescribeTo(StringBuilder text)
    {
        text.Append(
            CultureInfo.InvariantCulture, $"sent {AttemptCount} times, {AttemptTimeoutCount} unanswered; back-off: ");
        if (Spent is null)
        {
            text.Append("none");
        }
        else
        {
            Spent.AppendTo(text);
        }

        text.Append("; last error: ").Append(LastError ?? "none");
    }
}
