// Owns the invariants of consensus that are checked after every turn of every peer, each in constant time: election
// safety, append-only leaders, log matching, leader completeness, state-machine safety, commits that are durable on a
// quorum, marks that never go back, leases that end before another leader commits. The numbers are those of
// docs/testing.md.
using Kv.Base;
using Kv.Protocol;
using Kv.Raft;
using Kv.Store;

namespace Kv.Simulation.Checks;

public sealed class RaftChecker(Action<string> problem)
{
    private readonly SortedDictionary<ulong, RegionTruth> _regions = [];
    private readonly SortedDictionary<ulong, SimStore> _stores = [];

    /// <summary>Entry that all logs of a founded region begin behind.</summary>
    public const ulong BirthIndex = 5;

    /// <summary>So many elections of one region, after a healing, are no settling down any more.</summary>
    private const int QuietElectionsMax = 5;

    private readonly HashSet<(ulong Region, ulong Term)> _transferTerms = [];
    private readonly HashSet<(ulong Region, ulong Term, ulong Peer)> _timeoutNows = [];
    private bool _isQuiet;

    /// <summary>
    /// From now on nothing goes wrong any more, and what leads goes on leading. A region that sleeps may change hands
    /// when it wakes.
    /// </summary>
    public void ExpectQuiet() => _isQuiet = true;

    /// <summary>A leader of this term calls on a peer to campaign at once.</summary>
    public void NoteTimeoutNow(ulong region, ulong term, ulong peer) => _timeoutNows.Add((region, term, peer));

    /// <summary>
    /// A candidate asks for votes because leadership was handed to it: it may pass promises by. False = it was not.
    /// </summary>
    public bool NoteTransfer(ulong region, ulong term, ulong peer)
    {
        _transferTerms.Add((region, term));
        return _timeoutNows.Contains((region, term - 1, peer));
    }

    public bool IsTransfer(ulong region, ulong term) => _transferTerms.Contains((region, term));

    /// <summary>Turns looked at.</summary>
    public long Turns { get; private set; }

    public long Elections { get; private set; }

    /// <summary>Turns at which a lease ran.</summary>
    public long LeaseTurns { get; private set; }

    /// <summary>Hears of each committed entry once, in order of its region's log.</summary>
    public Action<RegionId, Entry>? Committed { get; set; }

    /// <summary>A life begins: its peers' logs are read anew from what the store really holds.</summary>
    public IPeerObserver OnStart(SimStore store)
    {
        _stores[store.Id.Value] = store;
        return new Observer(this, store);
    }

    public void OnEnd(SimStore store)
    {
        foreach (RegionTruth region in _regions.Values)
        {
            foreach (PeerModel peer in region.Peers.Values)
            {
                if (peer.Store == store.Id)
                {
                    peer.LeaseEnd = Instant.Zero;
                    peer.LedTerm = 0;
                }
            }
        }
    }

    /// <summary>Whether the committed entry at an index is durable on a quorum now (invariants 8 and 15).</summary>
    public bool IsDurable(RegionId id, ulong index) =>
        _regions.TryGetValue(id.Value, out RegionTruth? region) && region.CommittedAt(index) is { } mark
        && region.Newest is { } descriptor && region.IsOnQuorum(ConfOf(descriptor), index, mark);

    /// <summary>Regions of which no store leads that has committed in its own term.</summary>
    public List<RegionId> WithoutLeader()
    {
        var without = new List<RegionId>();
        foreach (RegionTruth region in _regions.Values)
        {
            bool led = false;
            foreach (PeerModel peer in region.Peers.Values)
            {
                led |= peer.LedTerm != 0 && _stores[peer.Store.Value].IsUp
                    && region.CommittedAt(peer.Committed)?.Term == peer.LedTerm;
            }

            if (!led)
            {
                without.Add(region.Id);
            }
        }

        return without;
    }

    public string Describe(RegionId region) => _regions[region.Value].Describe();

    private static ConfState ConfOf(RegionDescriptor descriptor) =>
        ConfState.OfVoters([.. descriptor.Peers.Where(peer => peer.Role == Kv.Protocol.V1.PeerRole.Voter)
            .Select(peer => peer.Id)]);

    private RegionTruth RegionOf(RegionId id)
    {
        if (!_regions.TryGetValue(id.Value, out RegionTruth? region))
        {
            region = new RegionTruth(id, BirthIndex);
            _regions.Add(id.Value, region);
        }

        return region;
    }

    private void Fail(RaftPeer core, RegionTruth region, string what) =>
        problem($"region {region.Id}, peer {core.Id}, term {core.Term}: {what}");

    /// <summary>The log as a new life found it: every entry must be one that was once written.</summary>
    private void Load(RegionTruth region, PeerModel peer, RaftPeer core)
    {
        var recovered = new List<EntryMark>();
        ulong before = core.FirstIndex.Value - 1;
        for (ulong index = before; index <= core.LastIndex.Value; index++)
        {
            if (!core.TryTermAt(new LogIndex(index), out Term term))
            {
                Fail(core, region, $"its log has no term at {index}");
                return;
            }

            ulong chain = 0;
            if (index > BirthIndex && !region.Chains.TryGetValue((index, term.Value), out chain))
            {
                Fail(core, region, $"its log holds entry {index} of term {term}, which no leader ever wrote");
                return;
            }

            recovered.Add(new EntryMark(term.Value, chain));
        }

        peer.Core = core;
        peer.Marks.Clear();
        peer.Marks.AddRange(recovered);
        peer.Base = before;
        peer.Persisted = core.Persisted.Value;
        peer.Committed = core.Committed.Value;
        peer.Applied = core.Applied.Value;
        (peer.Term, peer.Vote) = (core.Term.Value, core.Vote);
        CheckCommitHeld(region, peer, core);
    }

    private void OnReady(RegionTruth region, PeerModel peer, RaftPeer core, Ready ready)
    {
        if (ready.Entries.Count > 0)
        {
            Append(region, peer, core, ready.Entries);
        }

        peer.Persisted = Math.Min(core.Persisted.Value, peer.Last);
        CheckLeader(region, peer, core);
        CheckCommit(region, peer, core);
        foreach (Entry entry in ready.CommittedEntries)
        {
            OnCommitted(region, peer, core, entry);
        }
    }

    private void Append(RegionTruth region, PeerModel peer, RaftPeer core, IReadOnlyList<Entry> entries)
    {
        ulong first = entries[0].Index.Value;
        if (first > peer.Last + 1 || first <= peer.Base)
        {
            Fail(core, region, $"appends at {first} behind a log that ends at {peer.Last}");
            return;
        }

        if (peer.LedTerm == core.Term.Value && core.IsLeader && first != peer.Last + 1)
        {
            Fail(core, region, $"a leader rewrites its own log from {first} (invariant 3)");
        }

        if (first <= peer.Committed)
        {
            Fail(core, region, $"rewrites its log from {first}, committed up to {peer.Committed}");
        }

        peer.Marks.RemoveRange((int)(first - peer.Base), (int)(peer.Last + 1 - first));
        foreach (Entry entry in entries)
        {
            EntryMark before = peer.Marks[^1];
            ulong chain = Chain(before.Chain, entry);
            (ulong, ulong) key = (entry.Index.Value, entry.Term.Value);
            if (!region.Chains.TryAdd(key, chain) && region.Chains[key] != chain)
            {
                Fail(core, region,
                    $"entry {entry.Index} of term {entry.Term} differs from another peer's (invariant 4)");
            }

            peer.Marks.Add(new EntryMark(entry.Term.Value, chain));
        }
    }

    private void CheckLeader(RegionTruth region, PeerModel peer, RaftPeer core)
    {
        if (!core.IsLeader)
        {
            peer.LedTerm = 0;
            return;
        }

        if (peer.LedTerm == core.Term.Value)
        {
            return;
        }

        peer.LedTerm = core.Term.Value;
        Elections++;
        if (_isQuiet && !IsTransfer(region.Id.Value, core.Term.Value) && ++region.QuietElections == QuietElectionsMax)
        {
            Fail(core, region, $"election {QuietElectionsMax} since all was well: one deposes the other (row A5)");
        }

        if (!region.Leaders.TryAdd(core.Term.Value, core.Id) && region.Leaders[core.Term.Value] != core.Id)
        {
            Fail(core, region, $"also {region.Leaders[core.Term.Value]} leads this term (invariant 1)");
        }

        ulong last = region.CommittedLast;
        if (last > peer.Base && (region.CommittedAt(last) is { } mark) && !peer.Holds(last, mark))
        {
            Fail(core, region, $"leads without the committed entry {last} of term {mark.Term} (invariant 5)");
        }
    }

    private void CheckCommit(RegionTruth region, PeerModel peer, RaftPeer core)
    {
        ulong committed = core.Committed.Value;
        if (committed < peer.Committed)
        {
            Fail(core, region, $"its commit goes back from {peer.Committed} to {committed} (invariant 7)");
        }

        if (committed == peer.Committed)
        {
            return;
        }

        peer.Committed = committed;
        if (peer.At(committed) is not { } mark)
        {
            Fail(core, region, $"commits {committed} beyond its log, which ends at {peer.Last}");
            return;
        }

        if (core.IsLeader && mark.Term != core.Term.Value)
        {
            Fail(core, region, $"commits {committed} of term {mark.Term} by counting (row B1)");
        }

        if (committed > region.CommittedLast)
        {
            if (!region.IsOnQuorum(core.Conf, committed, mark))
            {
                Fail(core, region, $"commits {committed}, which is not durable on a quorum (invariant 7)");
            }

            CheckOtherLeases(region, peer, core);
        }

        CheckCommitHeld(region, peer, core);
    }

    /// <summary>All that a peer calls committed is what everybody calls committed; adds what is new.</summary>
    private void CheckCommitHeld(RegionTruth region, PeerModel peer, RaftPeer core)
    {
        ulong known = Math.Min(peer.Committed, region.CommittedLast);
        if (region.CommittedAt(known) is { } mark && known >= peer.Base && !peer.Holds(known, mark))
        {
            Fail(core, region, $"holds another entry at {known} than what was committed there (invariant 6)");
        }

        for (ulong index = region.CommittedLast + 1; index <= peer.Committed; index++)
        {
            if (peer.At(index) is not { } next)
            {
                return;
            }

            region.Committed.Add(next);
        }
    }

    private void OnCommitted(RegionTruth region, PeerModel peer, RaftPeer core, Entry entry)
    {
        ulong index = entry.Index.Value;
        if (index != peer.Applied + 1)
        {
            Fail(core, region, $"hands {index} to apply after {peer.Applied}");
        }

        if (index > core.Persisted.Value)
        {
            Fail(core, region, $"hands {index} to apply, durable only up to {core.Persisted} (Cut law)");
        }

        peer.Applied = index;
        EntryMark own = new(entry.Term.Value, Chain(peer.At(index - 1)?.Chain ?? 0, entry));
        if (region.CommittedAt(index) is { } mark && mark != own && peer.At(index - 1) is not null)
        {
            Fail(core, region, $"hands another entry at {index} to apply than was committed (invariant 6)");
        }

        if (region.HandedOut < index)
        {
            region.HandedOut = index;
            Committed?.Invoke(region.Id, entry);
        }
    }

    private void OnTurn(RegionTruth region, PeerModel peer, SimStore store, RegionDescriptor descriptor, RaftPeer core,
        Instant leaseEnd)
    {
        Turns++;
        peer.Persisted = Math.Min(core.Persisted.Value, peer.Last);
        CheckLeader(region, peer, core);
        CheckCommit(region, peer, core);
        if (core.Term.Value < peer.Term)
        {
            Fail(core, region, $"its term goes back from {peer.Term}");
        }

        CheckCandidacy(region, peer, store, core);
        if ((core.Term.Value, core.Vote) != (peer.Term, peer.Vote) && !core.Vote.IsNone && core.Vote != core.Id)
        {
            store.Promises.CheckVote(store.Id, region.Id.Value, core.Term.Value, core.Vote.Value, problem);
        }

        (peer.Term, peer.Vote) = (core.Term.Value, core.Vote);
        peer.LeaseEnd = leaseEnd;
        if (store.Clock.Now < leaseEnd)
        {
            LeaseTurns++;
            CheckOwnLease(region, peer, core);
        }

        CheckDescriptor(region, descriptor, core);
    }

    /// <summary>
    /// Whoever hears nobody must not raise its term again and again: when it is back it would depose a healthy leader.
    /// </summary>
    private void CheckCandidacy(RegionTruth region, PeerModel peer, SimStore store, RaftPeer core)
    {
        if (core.Role != Role.Candidate || core.Term.Value == peer.CandidateTerm || core.Conf.Voters.Count == 1)
        {
            return;
        }

        if (peer.CandidateTerm != 0 && peer.CandidateLife == store.Life && peer.CandidateHeard == store.Received)
        {
            Fail(core, region, $"raised its term to {peer.CandidateTerm} and again, and heard nobody between (row A4)");
        }

        (peer.CandidateTerm, peer.CandidateLife, peer.CandidateHeard) = (core.Term.Value, store.Life, store.Received);
    }

    /// <summary>Nobody may commit while another peer may still answer reads alone (Lease law).</summary>
    private void CheckOtherLeases(RegionTruth region, PeerModel leader, RaftPeer core)
    {
        foreach (PeerModel other in region.Peers.Values)
        {
            if (other != leader && other.LeaseEnd > _stores[other.Store.Value].Clock.Now)
            {
                Fail(core, region, $"commits {leader.Committed} while {other.Id} holds a lease (Lease law)");
            }
        }
    }

    private void CheckOwnLease(RegionTruth region, PeerModel peer, RaftPeer core)
    {
        if (!core.IsLeader)
        {
            Fail(core, region, "its gate is open and it does not lead");
        }

        if (peer.Committed < region.CommittedLast)
        {
            Fail(core, region,
                $"may read at {peer.Committed} under its lease; {region.CommittedLast} is committed (Lease law)");
        }

        foreach (PeerModel other in region.Peers.Values)
        {
            if (other.Core is { } theirs && theirs.Applied > core.Applied && _stores[other.Store.Value].IsUp)
            {
                Fail(core, region,
                    $"may read at {core.Applied} under its lease; {other.Id} has applied {theirs.Applied} (Read law)");
            }

            if (other != peer && other.LeaseEnd > _stores[other.Store.Value].Clock.Now)
            {
                Fail(core, region, $"holds a lease while {other.Id} does (Lease law)");
            }
        }
    }

    /// <summary>Never two ranges or memberships under the same epoch (invariant 11).</summary>
    private void CheckDescriptor(RegionTruth region, RegionDescriptor descriptor, RaftPeer core)
    {
        RegionDescriptor? known = region.Newest;
        if (ReferenceEquals(known, descriptor))
        {
            return;
        }

        if (known is not null && known.Epoch == descriptor.Epoch
            && (!known.Start.AsSpan().SequenceEqual(descriptor.Start)
                || !known.End.AsSpan().SequenceEqual(descriptor.End)
                || !known.Peers.SequenceEqual(descriptor.Peers)))
        {
            Fail(core, region, $"epoch {descriptor.Epoch} stands for two ranges or memberships (invariant 11)");
        }

        if (known is null || descriptor.Epoch.Version > known.Epoch.Version
            || (descriptor.Epoch.Version == known.Epoch.Version
                && descriptor.Epoch.ConfVersion >= known.Epoch.ConfVersion))
        {
            region.Newest = descriptor;
        }
    }

    private static ulong Chain(ulong before, in Entry entry)
    {
        ulong hash = (before ^ entry.Index.Value) * 0x9E3779B97F4A7C15;
        hash = (hash ^ entry.Term.Value ^ (hash >> 31)) * 0xBF58476D1CE4E5B9;
        hash = (hash ^ entry.DataCrc ^ ((ulong)entry.Kind << 40) ^ (hash >> 29)) * 0x94D049BB133111EB;
        return hash ^ (hash >> 31);
    }

    private sealed class Observer(RaftChecker checker, SimStore store) : IPeerObserver
    {
        private readonly Dictionary<RegionId, (RegionTruth Region, PeerModel Peer)> _known = [];

        public void OnOpened(RegionDescriptor region, RaftPeer core)
        {
            RegionTruth truth = checker.RegionOf(region.Id);
            PeerModel peer = truth.PeerOf(core.Id, store.Id);
            _known.Add(region.Id, (truth, peer));
            checker.CheckDescriptor(truth, region, core);
            checker.Load(truth, peer, core);
        }

        public void OnReady(RegionDescriptor region, RaftPeer core, Ready ready)
        {
            (RegionTruth truth, PeerModel peer) = _known[region.Id];
            checker.OnReady(truth, peer, core, ready);
        }

        public void OnTurn(RegionDescriptor region, RaftPeer core, Instant leaseEnd)
        {
            (RegionTruth truth, PeerModel peer) = _known[region.Id];
            checker.OnTurn(truth, peer, store, region, core, leaseEnd);
        }
    }
}
