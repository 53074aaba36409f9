// Owns the traffic with one address: what is ready to go, what is under way, and whether the store answers. A store
// that does not is tried again on a schedule of its own (50 ms doubling to 1 s), by one call at a time.
using Kv.Base;

namespace Kv.Client.Core;

internal sealed class StoreLane(string address)
{
    private const int RetryBaseMs = 50;
    private const int RetryCapMs = 1000;

    private Call? _probe;
    private int _failureCount;

    public string Address { get; } = address;

    /// <summary>The store there; 0 = not known yet (a seed).</summary>
    public ulong StoreId { get; set; }

    /// <summary>Calls to send when the window allows, in order.</summary>
    public CallList Ready { get; } = new();

    public CallList Flying { get; } = new();

    /// <summary>Key and value bytes under way.</summary>
    public long FlyingBytes { get; set; }

    public bool IsDown { get; private set; }

    public Instant RetryAt { get; private set; }

    public Instant LastHeardAt { get; private set; }

    /// <summary>No attempt under way ends before this.</summary>
    public Instant AttemptsDue { get; set; } = Instant.Never;

    // A probe whose caller gave up has left the lists, and the next one may go.
    private bool IsProbing => _probe is { List: { } list } && (list == Ready || list == Flying);

    public string LastFailure { get; private set; } = "not tried";

    /// <summary>
    /// Whether a store thought dead may be tried again now; at most one call does until it is heard from or fails
    /// again.
    /// </summary>
    public bool MayProbe(Instant now) => IsDown && !IsProbing && now >= RetryAt;

    public bool IsProbedBy(Call call) => _probe == call;

    public void BeginProbe(Call call)
    {
        Invariant.Require(IsDown && !IsProbing);
        _probe = call;
    }

    public void OnHeard(Instant now)
    {
        LastHeardAt = now;
        IsDown = false;
        _probe = null;
        _failureCount = 0;
    }

    public void OnFailed(Instant now, string reason, DeterministicRandom random)
    {
        // Several notices about one break count once: the schedule rises only with attempts made after the last one.
        if (!IsDown || _probe is not null || now >= RetryAt)
        {
            int full = Math.Min(RetryCapMs, RetryBaseMs << Math.Min(_failureCount, 10));
            RetryAt = now.PlusMs(Backoff.Jitter(full, random));
            _failureCount++;
        }

        LastFailure = reason;
        IsDown = true;
        _probe = null;
    }
}
