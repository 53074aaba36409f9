using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Raft.Tests.Harness;

/// <summary>
/// One raft group in one thread: peers, a wire whose messages wait until they are delivered, links that can be cut
/// one way, and a true time from which each peer's clock is derived by its own rate.
/// </summary>
internal sealed class TestGroup
{
    public const int TickMs = 100;

    private readonly SortedDictionary<ulong, TestPeer> _peers = [];
    private readonly HashSet<(ulong From, ulong To)> _cuts = [];

    public TestGroup(int count, Func<RaftConfig, RaftConfig>? configure = null, ulong seed = 1)
        : this(ConfState.OfVoters([.. Enumerable.Range(1, count).Select(i => new PeerId((ulong)i))]), configure, seed)
    {
    }

    public TestGroup(
        ConfState conf,
        Func<RaftConfig, RaftConfig>? configure = null,
        ulong seed = 1,
        Func<PeerId, MemoryLog>? logs = null)
    {
        Conf = conf;
        Configure = configure ?? (config => config);
        Seed = seed;
        foreach (PeerId id in conf.Voters.Concat(conf.Learners).Concat(conf.VotersOutgoing).Distinct())
        {
            Add(id, conf, logs?.Invoke(id) ?? new MemoryLog());
        }
    }

    public ConfState Conf { get; }

    public ulong Seed { get; }

    public Func<RaftConfig, RaftConfig> Configure { get; }

    /// <summary>Starts far enough from zero that no promise of a start is running.</summary>
    public long TrueNs { get; set; } = 1_000_000_000_000;

    public List<Message> Wire { get; } = [];

    /// <summary>Every message that was ever sent, for assertions on what went out when.</summary>
    public List<Message> Sent { get; } = [];

    /// <summary>Messages for which this is true are lost when sent.</summary>
    public Func<Message, bool>? Lose { get; set; }

    public SafetyChecker? Checker { get; set; }

    public IEnumerable<TestPeer> Peers => _peers.Values;

    public TestPeer this[ulong id] => _peers[id];

    public TestPeer? TheLeader => Peers.Where(p => !p.IsDown && p.Core.IsLeader).MaxBy(p => p.Core.Term.Value);

    public Instant LocalNow(TestPeer peer) => new((long)(TrueNs * peer.ClockRate) + peer.ClockOffsetNs);

    public TestPeer Add(PeerId id, ConfState conf, MemoryLog log)
    {
        RaftConfig config = Configure(new RaftConfig
        {
            Id = id,
            Seed = (Seed * 1000) + id.Value,
            StartedAt = Instant.Zero,
        });
        var peer = new TestPeer(this, config, log, conf);
        _peers.Add(id.Value, peer);
        return peer;
    }

    public void Send(IReadOnlyList<Message> messages)
    {
        foreach (Message message in messages)
        {
            Sent.Add(message);
            if (Lose?.Invoke(message) != true)
            {
                Wire.Add(message);
            }
        }
    }

    public void Cut(ulong from, ulong to) => _cuts.Add((from, to));

    public void CutBoth(ulong a, ulong b)
    {
        Cut(a, b);
        Cut(b, a);
    }

    public void Isolate(ulong id)
    {
        foreach (ulong other in _peers.Keys.Where(other => other != id))
        {
            CutBoth(id, other);
        }
    }

    public void Heal() => _cuts.Clear();

    public bool IsCut(ulong from, ulong to) => _cuts.Contains((from, to));

    public void Deliver(Message message)
    {
        if (!_peers.TryGetValue(message.To.Value, out TestPeer? peer) || peer.IsDown || peer.IsPaused
            || IsCut(message.From.Value, message.To.Value))
        {
            return;
        }

        peer.Core.Step(message, peer.Now);
    }

    /// <summary>Delivers and persists everything until nothing moves. Messages over cut links are lost.</summary>
    public void Settle(bool persist = true)
    {
        for (int round = 0; round < 10_000; round++)
        {
            bool moved = false;
            foreach (TestPeer peer in Running())
            {
                peer.Drain();
                while (persist && peer.PersistOne())
                {
                    moved = true;
                    peer.Drain();
                }
            }

            Message[] batch = [.. Wire];
            Wire.Clear();
            foreach (Message message in batch)
            {
                moved = true;
                Deliver(message);
            }

            if (!moved && !Peers.Any(p => !p.IsDown && !p.IsPaused && p.Core.HasReady))
            {
                return;
            }
        }

        Assert.Fail("the group does not come to rest");
    }

    /// <summary>Time passes for all: one tick each, then everything settles.</summary>
    public void Tick(int count = 1, bool settle = true)
    {
        for (int i = 0; i < count; i++)
        {
            TrueNs += TickMs * 1_000_000L;
            foreach (TestPeer peer in Running())
            {
                peer.Core.Tick(peer.Now);
            }

            if (settle)
            {
                Settle();
            }
        }
    }

    /// <summary>Time passes, nobody gets a tick.</summary>
    public void Pass(long ms) => TrueNs += ms * 1_000_000;

    /// <summary>Makes <paramref name="id"/> campaign and win. Waits out promises first.</summary>
    public TestPeer Elect(ulong id)
    {
        Pass(10_000);
        foreach (TestPeer peer in Running())
        {
            peer.Core.ForgetLeader(peer.Now);
        }

        TestPeer candidate = _peers[id];
        candidate.Core.Campaign(candidate.Now);
        Settle();
        Assert.True(candidate.Core.IsLeader, $"peer {id} did not win");
        return candidate;
    }

    /// <summary>Ticks until some running peer leads with its own term committed.</summary>
    public TestPeer AwaitLeader(int ticksMax = 200)
    {
        for (int i = 0; i < ticksMax; i++)
        {
            if (TheLeader is { } leader && leader.Core.CommittedInOwnTerm)
            {
                return leader;
            }

            Tick();
        }

        throw new InvalidOperationException($"no leader after {ticksMax} ticks: {Describe()}");
    }

    public ProposeResult Propose(ulong id, ulong value)
    {
        byte[] data = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        return Propose(id, data);
    }

    public ProposeResult Propose(ulong id, byte[] data)
    {
        TestPeer peer = _peers[id];
        return peer.Core.Propose(data, Crc32C.Compute(data), peer.Now);
    }

    public static IEnumerable<ulong> ValuesOf(IEnumerable<Entry> entries) =>
        entries.Where(e => e.Kind == EntryKind.Normal)
            .Select(e => BinaryPrimitives.ReadUInt64LittleEndian(e.Data.Span));

    /// <summary>What a state machine that applied up to <paramref name="index"/> holds; the bytes of a
    /// snapshot.</summary>
    public IEnumerable<Entry> StateAt(LogIndex index) =>
        Peers.Where(p => p.Core.Applied >= index).Select(p => p.Applied).OrderByDescending(a => a.Count)
            .FirstOrDefault([]).Where(e => e.Index <= index).ToArray();

    public void OnConfEntry(TestPeer peer, Entry entry)
    {
        Assert.True(ConfChange.TryDecode(entry.Data.Span, out ConfChange change));
        ConfState conf = peer.Core.ApplyConfChange(change);
        Checker?.OnConf(peer, entry.Index, conf);
    }

    public string Describe() => string.Join(" | ", Peers.Select(p =>
        $"{p.Core.Id}{(p.IsDown ? " down" : "")} {p.Core.Role} t{p.Core.Term} lead {p.Core.Leader} "
        + $"last {p.Core.LastIndex} of {p.Core.FirstIndex} conf {SafetyChecker.Describe(p.Core.Conf)} "
        + $"commit {p.Core.Committed} applied {p.Core.Applied}"));

    private TestPeer[] Running() => [.. Peers.Where(p => !p.IsDown && !p.IsPaused)];
}
