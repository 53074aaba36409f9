using Kv.Base;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests.Model;

/// <summary>
/// A cluster as a client sees it, in one thread and virtual time from one seed: stores that crash, pause and come back,
/// regions that split, merge and move, a network that loses messages and answers late. The truth is one map of keys and
/// a log of what was applied.
/// </summary>
internal sealed partial class ModelCluster : IClientTransport
{
    /// <summary>Ranges delete only keys with this in them.</summary>
    public const char DeletableMark = '%';

    private readonly ModelOptions _options;
    private readonly DeterministicRandom _random;
    private readonly ManualClock _clock;
    private readonly PriorityQueue<Action, (long AtNs, ulong Order)> _events = new();
    private readonly Dictionary<ulong, StoreState> _stores = [];
    private readonly List<ModelRegion> _regions = [];
    private ClientPump? _pump;
    private ulong _order;

    public ModelCluster(ModelOptions options, DeterministicRandom random, ManualClock clock)
    {
        _options = options;
        _random = random;
        _clock = clock;
        for (ulong id = 1; id <= (ulong)options.StoreCount; id++)
        {
            _stores[id] = new StoreState { Id = id };
        }

        _regions.Add(new ModelRegion { Id = 10, Start = "", End = "", Leader = 1, Stores = [1, 2, 3] });
        _nextRegionId = 11;
        _oldRoutes = CurrentRoutes();
        if (options.ChangeEveryMs > 0)
        {
            ScheduleChange();
        }
    }

    /// <summary>The truth: every key with its value and the revision of the write that made it.</summary>
    public SortedDictionary<string, (string Value, ulong Revision)> Data { get; } = new(StringComparer.Ordinal);

    /// <summary>Where the sequence of each key stands.</summary>
    public Dictionary<string, long> Sequences { get; } = new(StringComparer.Ordinal);

    /// <summary>How often each mutation was executed, by session, sequence, key and place in the write.</summary>
    public Dictionary<string, int> Applied { get; } = new(StringComparer.Ordinal);

    /// <summary>How often each value was put.</summary>
    public Dictionary<string, int> AppliedValues { get; } = new(StringComparer.Ordinal);

    /// <summary>Hash over everything that happened, in order.</summary>
    public ulong TraceHash { get; private set; } = 14_695_981_039_346_656_037;

    public int RegionCount => _regions.Count;

    public Dictionary<string, int> ErrorCounts { get; } = new(StringComparer.Ordinal);

    public void Attach(ClientPump pump) => _pump = pump;

    /// <summary>
    /// Runs pump and cluster until <paramref name="done"/> says so; fails after <paramref name="maxMs"/> of virtual
    /// time.
    /// </summary>
    public void RunUntil(Func<bool> done, long maxMs)
    {
        long end = _clock.Ms + maxMs;
        while (true)
        {
            while (_pump!.RunOnce())
            {
            }

            if (done())
            {
                return;
            }

            long next = _pump.NextDue.Nanoseconds;
            if (_events.TryPeek(out _, out (long AtNs, ulong Order) first))
            {
                next = Math.Min(next, first.AtNs);
            }

            Assert.True(next != long.MaxValue, "nothing is left to happen and it is not done");
            _clock.AdvanceTo(new Instant(next));
            Assert.True(_clock.Ms <= end, $"not done after {maxMs} ms of virtual time");
            while (_events.TryPeek(out _, out first) && first.AtNs <= Now.Nanoseconds)
            {
                _events.Dequeue()();
            }
        }
    }

    /// <summary>Plays what is still to come, up to a time.</summary>
    public void RunOut(long untilMs)
    {
        while (_events.TryPeek(out _, out (long AtNs, ulong Order) first) && first.AtNs < untilMs * 1_000_000)
        {
            _clock.AdvanceTo(new Instant(first.AtNs));
            _events.Dequeue()();
            while (_pump!.RunOnce())
            {
            }
        }
    }

    void IClientTransport.Send(string address, PipelineRequest message)
    {
        Trace(0x5E, (ulong)message.Requests.Count);
        StoreState store = _stores[RegionErrorTests.StoreOf(address)];
        if (!store.IsUp)
        {
            After(_random.Next(50, 2000), () => _pump!.OnNotSent(address, message, "connection refused"));
            return;
        }

        if (_random.Chance(_options.LossChance))
        {
            Lose(address);
            return;
        }

        ulong connection = store.Connection;
        After(DelayUs(), () => Deliver(store, connection, message));
    }

    private Instant Now => Instant.Now(_clock);

    private ulong RegionTime => (ulong)(Now.Nanoseconds / 1000);

    private int DelayUs() => _random.Chance(0.02) ? _random.Next(5_000, 80_000) : _random.Next(50, 1_500);

    private void After(long microseconds, Action action) =>
        _events.Enqueue(action, (Now.Nanoseconds + (microseconds * 1000), ++_order));

    private void Trace(ulong kind, ulong value) =>
        TraceHash = ((TraceHash ^ kind) * 1_099_511_628_211) ^ (value + (ulong)Now.Nanoseconds);

    /// <summary>A message vanished: half of the time the connection breaks with it, else nobody says a word.</summary>
    private void Lose(string address)
    {
        if (_random.Chance(0.5))
        {
            After(_random.Next(100, 5_000), () => _pump!.OnDisconnected(address, "connection reset"));
        }
    }

    private void Deliver(StoreState store, ulong connection, PipelineRequest message)
    {
        if (!store.IsUp || store.Connection != connection)
        {
            return;
        }

        if (store.IsPaused)
        {
            // It is in the socket's buffer, and is served when the store goes on.
            store.Held.Add(() => Deliver(store, connection, message));
            return;
        }

        foreach (Request request in message.Requests)
        {
            Serve(store, connection, request);
        }
    }

    private void Reply(StoreState store, ulong connection, Response response)
    {
        if (!store.IsUp || store.Connection != connection)
        {
            return;
        }

        string address = Messages.Address(store.Id);
        if (_random.Chance(_options.LossChance))
        {
            Lose(address);
            return;
        }

        response.RegionTime = RegionTime;
        var message = new PipelineResponse();
        message.Responses.Add(response);
        Trace(0x4E, response.Id);
        if (response.Error is not null)
        {
            string kind = response.Error.KindCase.ToString();
            ErrorCounts[kind] = ErrorCounts.GetValueOrDefault(kind) + 1;
        }

        After(DelayUs(), () => _pump!.OnResponses(address, message));
    }

    private sealed class StoreState
    {
        public required ulong Id { get; init; }

        public bool IsUp { get; set; } = true;

        public bool IsPaused { get; set; }

        /// <summary>Raised when all connections break.</summary>
        public ulong Connection { get; set; } = 1;

        public ulong Incarnation { get; set; } = 1;

        public List<Action> Held { get; } = [];
    }
}
