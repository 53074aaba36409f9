// Owns the asking side of joining: one seed after the other, until placement gives an identity or refuses.
// Invariant: the attempt is durable before the first call, so a start that died between answer and disk asks as the
// same attempt and gets the same id.
using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Placement.Founding;

/// <summary>A store with an empty folder that asks to become part of a cluster.</summary>
public sealed class JoinPump : Pump
{
    private readonly StoreInfo _self;
    private readonly ulong _attempt;
    private readonly IReadOnlyList<string> _seeds;
    private readonly IJoinPeer _peers;
    private readonly TimeProvider _clock;
    private readonly Action<FoundingReply<JoinResponse>> _onEnd;
    private readonly ILogger _log;
    private readonly Mailbox<Action> _mailbox;
    private readonly int _retryMs;
    private readonly int _callTimeoutMs;

    /// <summary>
    /// Times in a row that one store names another before there is a pause: they may name each other for a while.
    /// </summary>
    private const int RedirectsMax = 3;

    private Instant _due = Instant.Zero;
    private string? _askNext;
    private int _redirects;
    private int _seed;
    private int _call;
    private bool _ended;

    /// <param name="self">This store's addresses and labels; no id.</param>
    /// <param name="attempt">Random, not 0, already durable in the folder.</param>
    /// <param name="seeds">Peer addresses of stores of the cluster.</param>
    /// <param name="peers">The way to them.</param>
    /// <param name="clock">The clock seam.</param>
    /// <param name="onEnd">Called once, from the pump: an identity, or the refusal.</param>
    /// <param name="log">For people.</param>
    /// <param name="retryMs">Pause between two tries.</param>
    /// <param name="callTimeoutMs">A call without an answer for this long counts as failed.</param>
    public JoinPump(
        StoreInfo self,
        ulong attempt,
        IReadOnlyList<string> seeds,
        IJoinPeer peers,
        TimeProvider clock,
        Action<FoundingReply<JoinResponse>> onEnd,
        ILogger log,
        int retryMs = 500,
        int callTimeoutMs = 10_000)
    {
        Invariant.Require(attempt != 0 && seeds.Count > 0);
        _self = self;
        _attempt = attempt;
        _seeds = seeds;
        _peers = peers;
        _clock = clock;
        _onEnd = onEnd;
        _log = log;
        _retryMs = retryMs;
        _callTimeoutMs = callTimeoutMs;
        _mailbox = new Mailbox<Action>(this, 64);
    }

    public override string Name => "join";

    public override Instant NextDue => _ended ? Instant.Never : _due;

    public override bool RunOnce()
    {
        Instant now = Instant.Now(_clock);
        List<Action> mail = _mailbox.Drain();
        foreach (Action item in mail)
        {
            item();
        }

        if (_ended || now < _due)
        {
            return mail.Count > 0;
        }

        string address = _askNext ?? _seeds[_seed++ % _seeds.Count];
        _askNext = null;
        _due = now.PlusMs(_callTimeoutMs);
        int call = ++_call;
        _peers.Join(
            address,
            new JoinRequest { Store = _self, Attempt = _attempt },
            reply => _mailbox.Post(() => OnReply(call, address, reply)));
        return true;
    }

    private void OnReply(int call, string address, FoundingReply<JoinResponse> reply)
    {
        // A late identity is as good as a timely one; a late failure is no news.
        if (_ended || (call != _call && reply.Value is not { StoreId: > 0 }))
        {
            return;
        }

        if (reply.Value is { StoreId: > 0 } || reply.Refusal is not null)
        {
            _ended = true;
            _onEnd(reply);
            return;
        }

        if (reply.Value?.AskInstead is { PeerAddress.Length: > 0 } other
            && other.PeerAddress != address
            && _redirects++ < RedirectsMax)
        {
            _askNext = other.PeerAddress;
            _due = Instant.Zero;
            return;
        }

        _redirects = 0;
        _due = Instant.Now(_clock).PlusMs(_retryMs);
        _log.LogInformation("{Address} cannot take this store in yet: {Why}", address,
            reply.Failure ?? "no answer");
    }
}
