// Owns which read loop a read goes to. The first runs scans and confirmed reads, whose answers then go out together (in
// turn over all loops a scan costs a third more CPU time); the others take multi-gets and gets that need the disk in
// turn, so that one that waits long does not hold up all.
using Kv.Base;
using Kv.Engine;

namespace Kv.Store.Reads;

/// <summary>The read loops of a store.</summary>
internal sealed class ReadLoops
{
    private readonly ReadLoop[] _loops;
    private uint _turn;

    public ReadLoops(IEngine engine, TimeProvider clock, StoreOptions options)
    {
        Invariant.Require(options.ReadLoops > 0);
        _loops = new ReadLoop[options.ReadLoops];
        for (int i = 0; i < _loops.Length; i++)
        {
            _loops[i] = new ReadLoop(i + 1, engine, clock, options.Limits, options.ReadsWaitingMax);
        }
    }

    public IReadOnlyList<Pump> Pumps => _loops;

    /// <inheritdoc cref="ReadLoop.SetRaft"/>
    public void SetRaft(Func<ReadRequest, bool> askRaft)
    {
        foreach (ReadLoop loop in _loops)
        {
            loop.SetRaft(askRaft);
        }
    }

    /// <summary>A scan or a confirmed read. False = too many wait.</summary>
    public bool TryPost(ReadRequest read) => _loops[0].TryPost(read);

    /// <summary>
    /// A multi-get under lease, or a get under lease that was not in memory. False = too many wait.
    /// </summary>
    public bool TryPostGet(ReadRequest read)
    {
        int others = _loops.Length - 1;
        return _loops[others == 0 ? 0 : 1 + (int)(Interlocked.Increment(ref _turn) % (uint)others)].TryPost(read);
    }
}
