// Owns one request to the leader of one region: which region it believed in, whether an attempt may have been executed,
// and the identity of a write. Invariant: once an attempt may have been executed it stays so, and the identity never
// changes again.
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class RegionCall(ClientPump pump, RegionOperation operation, int costBytes) : Call(costBytes)
{
    private WriteTicket? _ticket;
    private ulong _stamp;

    public RegionOperation Operation { get; } = operation;

    /// <summary>The region that the last attempt believed in; null = none yet.</summary>
    public CachedRegion? Region { get; set; }

    /// <summary>First mutation of a write's slice, key of a multi-get's, or number of a deleted range.</summary>
    public int First { get; init; }

    /// <summary>Mutations or keys in the slice.</summary>
    public int MutationCount { get; set; }

    /// <summary>Whether it has an identity, so that it was sent or inherited from a call that was.</summary>
    public bool IsIdentified => _ticket is not null;

    /// <summary>
    /// Whether some attempt was sent and not definitely refused. From then on the outcome is in doubt until it is
    /// known.
    /// </summary>
    public bool MaybeExecuted { get; private set; }

    public BatchPartOutcome Outcome { get; private set; }

    public ulong Revision { get; private set; }

    /// <summary>The answer to a write that has more to tell than its revision; null = none such.</summary>
    public WriteResult? Told { get; private set; }

    public KvException? Error { get; private set; }

    public bool IsSettled { get; private set; }

    public override bool Wanted => Operation.Wants(this);

    public override Instant Deadline => Operation.Deadline;

    public override int AttemptTimeoutMs(KvClientOptions options) => (int)options.AttemptTimeout.TotalMilliseconds;

    public override void Dispatch() => pump.Regions.Dispatch(this);

    public override void Fill(Request request)
    {
        Invariant.Require(Region is not null);
        request.RegionId = Region.Id;
        request.Version = Region.Version;
        Operation.Fill(this, request);
    }

    public override void OnResponse(StoreLane lane, Response response) => pump.Regions.OnResponse(this, lane, response);

    public override void OnNotSent(StoreLane lane) => pump.Regions.OnUnanswered(this);

    public override void OnInDoubt(StoreLane lane)
    {
        MaybeExecuted = Operation.IsWrite;
        pump.Regions.OnUnanswered(this);
    }

    public void MarkMaybeExecuted() => MaybeExecuted = Operation.IsWrite;

    /// <summary>The write's identity; made at the first send and the same for every retry (Once law).</summary>
    public WriteIdentity Identify()
    {
        if (_ticket is null)
        {
            _ticket = pump.Session.Issue();
            _stamp = pump.Session.NewestRegionTime;
        }

        return pump.Session.Identify(_ticket, _stamp);
    }

    /// <summary>
    /// The region refused the stamp as too old, or as too far ahead of its own time: regions led by machines whose wall
    /// clocks differ have different times. Nothing was executed by any attempt, so <paramref name="regionTime"/>, the
    /// region's own, makes it a write that was never sent before; the sequence may stay, since no region keeps an
    /// outcome of it.
    /// </summary>
    public void StampAnew(ulong regionTime)
    {
        Invariant.Require(!MaybeExecuted && _ticket is not null);
        _stamp = regionTime;
    }

    public void CutTo(int mutationCount, int newCostBytes)
    {
        Invariant.Require(mutationCount > 0 && mutationCount < MutationCount && !InFlight);
        MutationCount = mutationCount;
        CostBytes = newCostBytes;
    }

    /// <summary>Takes over what <paramref name="whole"/>, from which this call was cut, has been through.</summary>
    public void InheritFrom(RegionCall whole)
    {
        Invariant.Require(_ticket is null);
        if (whole._ticket is { } ticket)
        {
            WriteSession.Share(ticket);
            _ticket = ticket;
            _stamp = whole._stamp;
            MaybeExecuted = whole.MaybeExecuted;
            LastError = whole.LastError;
        }
    }

    public void Settle(BatchPartOutcome outcome, ulong revision, KvException? error, WriteResult? told = null)
    {
        Invariant.Require(!IsSettled);
        IsSettled = true;
        Outcome = outcome;
        Revision = revision;
        Error = error;
        Told = told;
        ReleaseTicket();
    }

    /// <summary>
    /// The operation is over: nothing more is sent. An attempt under way keeps its place in the store's window.
    /// </summary>
    public void Detach()
    {
        if (!InFlight)
        {
            List?.Remove(this);
        }

        ReleaseTicket();
    }

    private void ReleaseTicket()
    {
        if (_ticket is not null)
        {
            WriteSession.Release(_ticket);
            _ticket = null;
        }
    }
}
