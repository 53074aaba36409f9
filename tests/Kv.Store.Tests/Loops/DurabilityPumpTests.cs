using Kv.Base;
using Kv.Engine;
using Kv.Engine.Memory;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Store.Raft;
using Kv.Testing.Files;

namespace Kv.Store.Tests.Loops;

public sealed class DurabilityPumpTests : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly MemoryEngine _engine = MemoryEngine.Open(new MemoryEngineDisk(new MemoryFileSystem()));
    private readonly RegionHandle _region = new(
        new RegionDescriptor(
            new RegionId(2), "b"u8.ToArray(), "n"u8.ToArray(), new Kv.Protocol.RegionEpoch(1, 5),
            [new PeerDescriptor(new PeerId(20), new StoreId(1), PeerRole.Voter)]),
        new PeerId(20));

    private readonly List<DurableApplied> _durable = [];
    private readonly DurabilityPump _pump;
    private ulong _applied;

    public DurabilityPumpTests() => _pump = new DurabilityPump(
        _engine,
        _clock,
        StoreOptions.Default,
        static () => 0,
        static () => { },
        () => [_region],
        new StoreBook(new StoreInfo { Id = 1 }, static _ => { }),
        _durable.AddRange);

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void RunOnce_RegionMoved_SaysItDurableOnce()
    {
        Apply();
        Turn();
        Assert.Equal([new DurableApplied(_region, new LogIndex(1))], _durable);
        Turn();
        Assert.Single(_durable);
    }

    /// <summary>An estimate walks memory tables: a region under writes is estimated now and then only.</summary>
    [Fact]
    public void RunOnce_RegionUnderWrites_IsEstimatedEveryTenSecondsAndWhenAtRest()
    {
        Apply();
        Turn();
        ulong first = _region.EstimatedBytes;
        Assert.True(first > 0);

        int changes = 0;
        for (int second = 0; second < 20; second++)
        {
            ulong before = _region.EstimatedBytes;
            Apply();
            Turn();
            changes += _region.EstimatedBytes != before ? 1 : 0;
        }

        Assert.Equal(2, changes);
        ulong busy = _region.EstimatedBytes;
        Apply();
        Turn();
        Assert.Equal(busy, _region.EstimatedBytes);
        Turn();
        Assert.Equal(_engine.EstimateBytes(ColumnFamily.Data, "b"u8, "n"u8), _region.EstimatedBytes);
        Assert.NotEqual(busy, _region.EstimatedBytes);
    }

    private void Apply()
    {
        _applied++;
        using IEngineBatch batch = _engine.NewBatch();
        batch.Put(ColumnFamily.Data, [(byte)'c', (byte)_applied], new byte[1_000]);
        _engine.Write(batch, sync: false);
        _region.SetApplied(new LogIndex(_applied), new Term(1));
    }

    private void Turn()
    {
        _clock.AdvanceMs(StoreOptions.Default.DurableIntervalMs);
        _pump.RunOnce();
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _nanoseconds = 1_000_000_000;

        public override long TimestampFrequency => 1_000_000_000;

        public override long GetTimestamp() => _nanoseconds;

        public void AdvanceMs(long ms) => _nanoseconds += ms * 1_000_000;
    }
}
