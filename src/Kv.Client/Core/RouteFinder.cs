// Owns the filling of the cache: which calls wait for a region that is not known, which known regions want a fresh
// look, and the one lookup that is under way for them. Calls to known regions never wait here, so they work on without
// placement.
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class RouteFinder(ClientPump pump, RegionCache cache) : IRoutesAsker
{
    // More would mean that nearly every region changed at once; the rest is found by what stores answer.
    private const int StaleMax = 1024;

    private readonly List<RegionCall> _waiting = [];
    private readonly List<RegionCall> _released = [];
    private readonly Queue<CachedRegion> _stale = new();
    private bool _running;
    private CachedRegion? _asked;

    bool IRoutesAsker.Wanted => PruneAndLook();

    Instant IRoutesAsker.Deadline => Instant.Never;

    /// <summary>Holds the call until its region is known.</summary>
    public void Await(RegionCall call)
    {
        _waiting.Add(call);
        MaybeStart();
    }

    /// <summary>
    /// Asks for a fresh look at a region that is known but does not fit any more. Nobody waits for it.
    /// </summary>
    public void Refresh(CachedRegion region)
    {
        if (region.RefreshWanted || region.Dropped || _stale.Count >= StaleMax)
        {
            return;
        }

        region.RefreshWanted = true;
        _stale.Enqueue(region);
        MaybeStart();
    }

    RoutesRequest IRoutesAsker.Ask()
    {
        // Asked only while Wanted, so one of the two has something.
        _asked = _waiting.Count == 0 ? _stale.Peek() : null;
        ReadOnlyMemory<byte> key = _asked?.Start ?? _waiting[0].Operation.LookupKey(_waiting[0]);
        return new RoutesRequest { StartKey = ByteString.CopyFrom(key.Span) };
    }

    void IRoutesAsker.OnRoutes(ClientPump owner, RoutesResponse routes)
    {
        _running = false;
        if (_asked is not null && _stale.TryPeek(out CachedRegion? region) && region == _asked)
        {
            _stale.Dequeue();
            region.RefreshWanted = false;
        }

        Release(call => pump.Delay(call, BackoffKind.RegionMiss));
    }

    void IRoutesAsker.OnAbandoned() => _running = false;

    void IRoutesAsker.OnRefused(ClientPump owner, KvException error)
    {
        _running = false;
        Release(call => call.Operation.OnCallFailed(pump, call, error));
    }

    /// <summary>
    /// Sends the calls whose region is known now on their way; the others go to <paramref name="otherwise"/>.
    /// </summary>
    private void Release(Action<RegionCall> otherwise)
    {
        _released.AddRange(_waiting);
        _waiting.Clear();
        foreach (RegionCall call in _released)
        {
            if (!call.Wanted)
            {
                continue;
            }

            if (call.Operation.Find(cache, call) is not null)
            {
                pump.DispatchSoon(call);
            }
            else
            {
                otherwise(call);
            }
        }

        _released.Clear();
        MaybeStart();
    }

    private void MaybeStart()
    {
        if (!_running && PruneAndLook())
        {
            _running = true;
            pump.DispatchSoon(new PlacementCall(pump, this));
        }
    }

    private bool PruneAndLook()
    {
        _waiting.RemoveAll(static call => !call.Wanted);
        while (_stale.TryPeek(out CachedRegion? region) && region.Dropped)
        {
            _stale.Dequeue();
        }

        return _waiting.Count > 0 || _stale.Count > 0;
    }
}
