using Kv.Base;
using Kv.Placement.Founding;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Placement.Tests;

/// <summary>
/// Stores with founding pumps over an in-memory network and disk, in one thread. Every delivery and both sides of every
/// disk write are cut points, counted; at a chosen one a chosen store dies and loses all but its disk.
/// </summary>
internal sealed class FoundingWorld
{
    private readonly List<Action> _network = [];
    private readonly DeterministicRandom? _chaos;
    private readonly DeterministicRandom _ids;

    public FoundingWorld(int storeCount, ulong seed = 1, DeterministicRandom? chaos = null)
    {
        _chaos = chaos;
        _ids = new DeterministicRandom(seed);
        for (int i = 0; i < storeCount; i++)
        {
            Stores.Add(new SimulatedStore(this, i));
        }

        foreach (SimulatedStore store in Stores)
        {
            store.Start();
        }
    }

    public ManualClock Clock { get; } = new();

    public List<SimulatedStore> Stores { get; } = [];

    public Dictionary<string, string> Aliases { get; } = [];

    public int CutPoints { get; private set; }

    /// <summary>At this cut point this store dies, once.</summary>
    public (int At, int Victim)? Crash { get; set; }

    public int RestartAfterRounds { get; set; } = 1;

    public HashSet<ulong> ClusterIdsSeen { get; } = [];

    public string AddressOf(int store) => $"10.0.0.{store + 1}:7401";

    public InitRequest InitRequest(params string[] founders)
    {
        var request = new InitRequest();
        request.Founders.AddRange(founders.Length > 0 ? founders : Stores.Select((_, i) => AddressOf(i)));
        request.InitialSplitKeys.Add(Google.Protobuf.ByteString.CopyFromUtf8("m"));
        return request;
    }

    /// <summary>
    /// Sends init until it is answered, over whichever store <paramref name="to"/> names at each try.
    /// </summary>
    public FoundingReply<InitResponse> InitUntilAnswered(Func<int, int> to, InitRequest request)
    {
        FoundingReply<InitResponse>? answer = null;
        for (int tries = 0; tries < 200; tries++)
        {
            SimulatedStore store = Stores[to(tries)];
            store.Pump?.Init(request, reply => answer = reply);
            Run(30, () => answer is not null);
            if (answer is { Failure: null })
            {
                return answer.Value;
            }

            answer = null;
        }

        Assert.Fail("init was never answered");
        throw new InvalidOperationException();
    }

    /// <summary>Rounds of turns, deliveries and 50 ms each.</summary>
    public void Run(int rounds, Func<bool>? until = null)
    {
        for (int round = 0; round < rounds && until?.Invoke() != true; round++)
        {
            foreach (SimulatedStore store in Stores)
            {
                store.Turn();
            }

            Action[] deliveries = [.. _network];
            _network.Clear();
            foreach (Action delivery in deliveries)
            {
                Deliver(delivery);
            }

            if (_chaos?.Chance(0.02) == true)
            {
                Stores[_chaos.Next(Stores.Count)].Die();
            }

            Clock.AdvanceMs(50);
        }
    }

    public void Send(Action delivery) => _network.Add(delivery);

    /// <summary>Passes a cut point of the store; true = it is dead now.</summary>
    public bool Cut(SimulatedStore? at)
    {
        int here = CutPoints++;
        if (Crash is (int when, int victim) && when == here)
        {
            Stores[victim].Die();
            return Stores[victim] == at;
        }

        return false;
    }

    private void Deliver(Action delivery)
    {
        if (_chaos?.Chance(0.1) == true)
        {
            return;
        }

        Cut(at: null);
        delivery();
        if (_chaos?.Chance(0.05) == true)
        {
            Send(delivery);
        }
    }

    internal sealed class PowerLost : Exception;

    internal sealed class SimulatedStore(FoundingWorld world, int index) : IFoundingStorage, IFoundingPeer
    {
        private int _life;
        private int _downRounds;
        private bool _busy;
        private byte[] _disk = [];

        public FoundingPump? Pump { get; private set; }

        public bool Joining { get; set; }

        public string? Address { get; set; }

        public int Births { get; private set; }

        public FoundingRecord Disk => FoundingRecord.Parser.ParseFrom(_disk);

        public void Wipe()
        {
            Die();
            _disk = [];
            Births = 0;
        }

        public void Start()
        {
            var options = new FoundingOptions
            {
                Self = new StoreInfo { PeerAddress = Address ?? world.AddressOf(index),
                    ClientAddress = $"10.0.0.{index + 1}:7400" },
                Instance = (ulong)((index * 1_000) + ++_life),
                LeaseMs = 800,
                LeaseDriftMs = 100,
                Joining = Joining,
            };
            Pump = new FoundingPump(
                options, this, this, world.Clock, world._ids.Fork(), OnCommitted, NullLogger.Instance);
        }

        public void Die()
        {
            Pump = null;
            _downRounds = world.RestartAfterRounds;
        }

        public void Turn()
        {
            if (Pump is null)
            {
                if (--_downRounds <= 0)
                {
                    Start();
                }

                return;
            }

            _busy = true;
            try
            {
                FoundingPump pump = Pump;
                for (int turns = 0; pump.RunOnce() && Pump == pump; turns++)
                {
                    Assert.True(turns < 1_000, "the pump never rests");
                }
            }
            catch (PowerLost)
            {
                Assert.Null(Pump);
            }
            finally
            {
                _busy = false;
            }
        }

        public FoundingRecord Load() => Disk;

        public void Save(FoundingRecord record) => Write(record, Births);

        public void SaveWithBirths(FoundingRecord record) => Write(record, record.Plan.Regions.Count);

        public void SaveWithoutBirths(FoundingRecord record) => Write(record, 0);

        public void Init(string address, InitRequest request, Action<FoundingReply<InitResponse>> done) =>
            Call<InitResponse>(address, (pump, reply) => pump.Init(request, reply), done);

        public void Inspect(string address, Action<FoundingReply<InspectResponse>> done) =>
            Call<InspectResponse>(address, static (pump, reply) => pump.OnInspect(reply), done);

        public void Prepare(string address, FoundingPlan plan, Action<FoundingReply<PrepareResponse>> done)
        {
            // Nobody is told of a plan that is not durable here.
            Assert.Equal(plan.ClusterId, Disk.Plan.ClusterId);
            Call<PrepareResponse>(address, (pump, reply) => pump.OnPrepare(plan.Clone(), reply), done);
        }

        public void Commit(string address, CommitRequest request, Action<FoundingReply<CommitResponse>> done) =>
            Call<CommitResponse>(address, (pump, reply) => pump.OnCommit(request, reply), done);

        public void Outcome(string address, OutcomeRequest request, Action<FoundingReply<OutcomeResponse>> done) =>
            Call<OutcomeResponse>(address, (pump, reply) => pump.OnOutcome(request, reply), done);

        private void OnCommitted(FoundingRecord record)
        {
            // Whoever may serve must be sure that every founder is durable.
            world.ClusterIdsSeen.Add(record.Plan.ClusterId);
            foreach (SimulatedStore other in world.Stores.Where((_, i) =>
                record.Plan.Founders.Any(f => f.PeerAddress == world.AddressOf(i))))
            {
                Assert.Equal(record.Plan.ClusterId, other.Disk.Plan?.ClusterId);
                Assert.Equal(record.Plan.Regions.Count, other.Births);
            }
        }

        private void Write(FoundingRecord record, int births)
        {
            Assert.True(_busy, "only the pump writes");
            if (world.Cut(this))
            {
                throw new PowerLost();
            }

            _disk = Google.Protobuf.MessageExtensions.ToByteArray(record);
            Births = births;
            if (world.Cut(this))
            {
                throw new PowerLost();
            }
        }

        private void Call<T>(string address, Action<FoundingPump, Action<FoundingReply<T>>> request,
            Action<FoundingReply<T>> done)
            where T : class
        {
            FoundingPump? caller = Pump;
            string real = world.Aliases.GetValueOrDefault(address, address);
            world.Send(() =>
            {
                SimulatedStore? target =
                    world.Stores.Find(store => world.AddressOf(world.Stores.IndexOf(store)) == real);
                if (target?.Pump is not FoundingPump pump)
                {
                    world.Send(() => Back(FoundingReply<T>.Failed("connection refused")));
                    return;
                }

                request(pump, reply => world.Send(() => Back(reply)));
            });

            void Back(FoundingReply<T> reply)
            {
                if (Pump == caller && caller is not null)
                {
                    done(reply);
                }
            }
        }
    }
}
