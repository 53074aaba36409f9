using Kv.Base;

namespace Kv.Raft.Tests.Harness;

/// <summary>
/// Drives a group by a seed: messages are lost, doubled, held back and reordered, links are cut one way and both
/// ways, peers crash, pause and come back, writes complete late, clocks drift, logs are cut, leadership is handed
/// around, groups sleep.
/// </summary>
internal sealed class Chaos
{
    private const long StepNs = 5_000_000;

    private readonly DeterministicRandom _random;
    private readonly Dictionary<ulong, long> _tickedNs = [];
    private readonly Dictionary<ulong, long> _resumeNs = [];
    private readonly double _lossRate;
    private readonly double _faultRate;
    private readonly bool _withConfChanges;
    private ulong _nextValue = 1;
    private long _cutApartNs;
    private ulong _nextReadId = 1;

    public Chaos(ulong seed, bool withConfChanges = false)
    {
        _random = new DeterministicRandom(seed);
        _withConfChanges = withConfChanges;
        int count = 3 + (2 * _random.Next(2));
        int inflight = _random.Next(1, 8);
        int pageBytes = _random.Chance(0.5) ? 64 : 4096;
        bool commitAtOnce = _random.Chance(0.5);
        _lossRate = _random.Chance(0.3) ? 0.1 : 0.01;
        _faultRate = _random.Chance(0.5) ? 0.004 : 0.001;

        // A group is born with a fixed first place above 0, so that a peer added later starts from a snapshot.
        ConfState conf = ConfState.OfVoters([.. Enumerable.Range(1, count).Select(i => new PeerId((ulong)i))]);
        Born = new SnapshotMeta(new LogIndex(5), new Term(5), conf);
        Group = new TestGroup(
            conf,
            config => config with
            {
                InflightCountMax = inflight,
                AppendBytesMax = pageBytes,
                CommittedBytesPerReadyMax = pageBytes,
                CommitAtOnce = commitAtOnce,
                SnapshotTicks = 30,
                Applied = Born.Index,
            },
            seed,
            _ => NewLog());
        Group.Checker = Checker = new SafetyChecker(Group);
        foreach (TestPeer peer in Group.Peers)
        {
            Shake(peer);

            // Apply as a loop of its own, which lags, or at once.
            peer.HoldApply = _random.Chance(0.5);
        }
    }

    public TestGroup Group { get; }

    public SafetyChecker Checker { get; }

    private SnapshotMeta Born { get; }

    public int CrashCount { get; private set; }

    public int SnapshotCount => Group.Sent.Count(m => m.Kind == MessageKind.Snapshot);

    /// <summary>Runs until the true time has advanced by <paramref name="seconds"/>, then heals and demands
    /// progress.</summary>
    public void Run(int seconds)
    {
        long endNs = Group.TrueNs + (seconds * 1_000_000_000L);
        while (Group.TrueNs < endNs)
        {
            Step(faults: true);
        }

        Heal();
        endNs = Group.TrueNs + 20_000_000_000L;
        while (Group.TrueNs < endNs)
        {
            Step(faults: false);
        }

        Checker.CheckLogMatching();
        CheckConverged();
    }

    private MemoryLog NewLog()
    {
        var log = new MemoryLog();
        log.Write(new HardState(Born.Term, default, Born.Index), [], Born);
        return log;
    }

    /// <summary>Two clocks differ by at most a tenth: within the drift that the promise allows for.</summary>
    private void Shake(TestPeer peer)
    {
        peer.ClockRate = 0.955 + (_random.NextDouble() * 0.09);
        peer.ClockOffsetNs = _random.Next(1_000_000_000);
    }

    private void Step(bool faults)
    {
        Group.TrueNs += StepNs;
        foreach (TestPeer peer in Group.Peers)
        {
            StepPeer(peer, faults);
        }

        DeliverSome(faults);
        if (faults)
        {
            Disturb();
            CutApartIfDue();
        }

        Ask();
    }

    private void StepPeer(TestPeer peer, bool faults)
    {
        ulong id = peer.Core.Id.Value;
        if (_resumeNs.TryGetValue(id, out long resumeNs))
        {
            if (Group.TrueNs < resumeNs)
            {
                return;
            }

            _resumeNs.Remove(id);
            peer.IsPaused = false;
            if (peer.IsDown)
            {
                peer.Restart();
            }
        }

        // Ticks that a pause swallowed are not made up for.
        if (Group.TrueNs - _tickedNs.GetValueOrDefault(id) >= TestGroup.TickMs * 1_000_000L)
        {
            _tickedNs[id] = Group.TrueNs;
            peer.Core.Tick(peer.Now);
        }

        peer.Drain();
        while (_random.Chance(faults ? 0.4 : 0.9) && peer.PersistOne())
        {
            peer.Drain();
        }

        if (_random.Chance(0.5))
        {
            peer.ApplyAll();
            peer.Drain();
        }

        if (_random.Chance(0.02))
        {
            peer.MakeAppliedDurable();
        }
    }

    private void DeliverSome(bool faults)
    {
        List<Message> wire = Group.Wire;
        for (int i = wire.Count; i > 0; i--)
        {
            int at = faults && _random.Chance(0.2) ? _random.Next(wire.Count) : 0;
            Message message = wire[at];
            if (faults && _random.Chance(0.3))
            {
                continue;
            }

            wire.RemoveAt(at);
            if (faults && _random.Chance(_lossRate))
            {
                if (message.Kind == MessageKind.Snapshot && _random.Chance(0.5))
                {
                    Group[message.From.Value].Core.OnSnapshotReport(message.To, ok: false);
                }

                continue;
            }

            if (faults && _random.Chance(0.02))
            {
                wire.Add(message);
            }

            TestPeer peer = Group[message.To.Value];
            Group.Deliver(message);
            if (!peer.IsDown && !peer.IsPaused)
            {
                peer.Drain();
            }
        }
    }

    private void Disturb()
    {
        TestPeer peer = Pick();
        ulong id = peer.Core.Id.Value;
        bool running = !peer.IsDown && !peer.IsPaused;
        switch (_random.Next(6))
        {
            case 0 when running && _random.Chance(_faultRate * 3):
                peer.Crash();
                CrashCount++;
                _resumeNs[id] = Group.TrueNs + (_random.Next(20, 4000) * 1_000_000L);
                break;
            case 1 when running && _random.Chance(_faultRate * 3):
                peer.IsPaused = true;
                _resumeNs[id] = Group.TrueNs + (_random.Next(20, 4000) * 1_000_000L);
                break;
            case 2 when _random.Chance(_faultRate * 6):
                CutSomething(id);
                break;
            case 3 when _random.Chance(0.01):
                Group.Heal();
                break;
            case 4 when running && _random.Chance(0.01):
                CutLog(peer);
                break;
            case 5 when running:
                Nudge(peer);
                break;
            default:
                break;
        }
    }

    private void CutSomething(ulong id)
    {
        ulong other = Pick().Core.Id.Value;
        switch (_random.Next(3))
        {
            case 0:
                Group.Isolate(id);
                break;
            case 1:
                Group.CutBoth(id, other);
                break;
            default:
                Group.Cut(id, other);
                break;
        }
    }

    private void CutLog(TestPeer peer)
    {
        LogIndex applied = peer.Core.Applied;
        if (peer.Core.Persisted >= applied && applied >= peer.Log.FirstIndex && peer.PendingWriteCount == 0)
        {
            peer.MakeAppliedDurable();
            peer.Log.SnapshotToSend = peer.Log.TryGetTerm(applied, out Term term)
                ? new SnapshotMeta(applied, term, peer.Core.Conf)
                : null;
            peer.Log.CutTo(applied);
        }
    }

    private void Nudge(TestPeer peer)
    {
        if (_random.Chance(0.01))
        {
            peer.Core.TransferLeadership(Pick().Core.Id, peer.Now);
        }

        if (_random.Chance(0.003))
        {
            peer.Core.ForgetLeader(peer.Now);
            peer.Core.Campaign(peer.Now);
        }

        if (_random.Chance(0.02))
        {
            peer.Core.OnUnreachable(Pick().Core.Id);
        }

        PeerId[] all = [.. Group.Peers.Where(p => !p.IsDown).Select(p => p.Core.Id)];
        if (_random.Chance(0.1) && peer.Core.CanSleep(all))
        {
            peer.Core.Sleep();
            foreach (TestPeer each in Group.Peers.Where(p => !p.IsDown && !p.IsPaused && p.Core.Leader == peer.Core.Id
                && p.Core.Role == Role.Follower))
            {
                each.Core.Sleep();
            }
        }

        if (_withConfChanges && _random.Chance(0.05) && peer.Core.IsLeader)
        {
            ProposeChange(peer);
        }

        peer.Drain();
    }

    private void ProposeChange(TestPeer leader)
    {
        ConfState conf = leader.Core.Conf;
        if (conf.Learners.Count > 1 && _random.Chance(0.5))
        {
            ProposeInARow(leader, conf);
            return;
        }

        if (conf.VotersOutgoing.Count > 0)
        {
            leader.Core.ProposeConfChange(ConfChange.LeaveJoint, leader.Now);
            return;
        }

        var steps = new List<ConfChangeStep>();
        for (int i = _random.Next(1, 4); i > 0; i--)
        {
            PeerId peer = Pick().Core.Id;
            ConfChangeKind kind = conf.Learners.Contains(peer)
                ? ConfChangeKind.AddVoter
                : (ConfChangeKind)_random.Next(2, 4);
            steps.Add(new ConfChangeStep(kind, peer));
        }

        leader.Core.ProposeConfChange(
            new ConfChange(steps, (ConfTransition)_random.Next(3), ReadOnlyMemory<byte>.Empty), leader.Now);
    }

    /// <summary>
    /// One voter more, and one more, without waiting: only the first may be taken (rows D1, D2). Each alone keeps
    /// majorities that overlap; both at once do not, and a cut between the new and the old would show it.
    /// </summary>
    private void ProposeInARow(TestPeer leader, ConfState conf)
    {
        foreach (PeerId learner in conf.Learners)
        {
            ConfChangeStep[] step = [new(ConfChangeKind.AddVoter, learner)];
            leader.Core.ProposeConfChange(
                new ConfChange(step, ConfTransition.Auto, ReadOnlyMemory<byte>.Empty), leader.Now);
        }

        if (_random.Chance(0.7))
        {
            _cutApartNs = Group.TrueNs + (_random.Next(200) * 1_000_000L);
        }
    }

    /// <summary>Voters to be and the leader on one side, most of the others on the other.</summary>
    private void CutApartIfDue()
    {
        if (_cutApartNs == 0 || Group.TrueNs < _cutApartNs)
        {
            return;
        }

        _cutApartNs = 0;
        if (Group.TheLeader is not { } leader)
        {
            return;
        }

        ConfState conf = Born.Conf;
        ulong[] old = [.. leader.Core.Conf.Voters.Select(voter => voter.Value)];
        ulong[] near = [.. conf.Voters.Select(voter => voter.Value)
            .Where(id => id == leader.Core.Id.Value || !old.Contains(id) || _random.Chance(0.3))];
        foreach (ulong a in near)
        {
            foreach (PeerId b in conf.Voters.Where(b => !near.Contains(b.Value)))
            {
                Group.CutBoth(a, b.Value);
            }
        }
    }

    private void Ask()
    {
        TestPeer peer = Pick();
        if (peer.IsDown || peer.IsPaused)
        {
            return;
        }

        if (_random.Chance(0.3))
        {
            Group.Propose(peer.Core.Id.Value, _nextValue++);
        }

        if (_random.Chance(0.1))
        {
            ulong id = _nextReadId++;
            Checker.OnReadAsked(peer, id);
            peer.Core.ReadIndex(id, peer.Now);
        }

        peer.Drain();
    }

    private void Heal()
    {
        Group.Heal();
        foreach (TestPeer peer in Group.Peers)
        {
            _resumeNs.Remove(peer.Core.Id.Value);
            peer.IsPaused = false;
            if (peer.IsDown)
            {
                peer.Restart();
            }

            peer.Core.Wake(peer.Now);
            peer.Drain();
        }
    }

    private void CheckConverged()
    {
        TestPeer? leader = Group.TheLeader;
        Assert.True(leader is { Core.CommittedInOwnTerm: true }, $"no leader after healing: {Group.Describe()}");
        foreach (TestPeer peer in Group.Peers.Where(p => leader.Core.Conf.Voters.Contains(p.Core.Id)))
        {
            Assert.True(
                peer.Core.Applied.Value + 50 >= leader.Core.Committed.Value,
                $"{peer.Core.Id} lags: {Group.Describe()}");
        }
    }

    private TestPeer Pick() => Group[(ulong)_random.Next(Group.Peers.Count()) + 1];
}
