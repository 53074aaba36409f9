namespace Kv.Client.Tests.Model;

// What happens to the cluster by itself.
internal sealed partial class ModelCluster
{
    private ulong _nextRegionId;
    private bool _isHealed;

    public int ChangeCount { get; private set; }

    /// <summary>No more changes; all stores run, every region has a leader.</summary>
    public void Heal()
    {
        _isHealed = true;
        foreach (StoreState store in _stores.Values)
        {
            Start(store);
            Resume(store);
        }

        foreach (ModelRegion region in _regions)
        {
            Elect(region);
        }
    }

    public void SplitAt(string key)
    {
        int at = _regions.FindIndex(r => r.Contains(key));
        if (_regions[at].Start != key)
        {
            ModelRegion child = _regions[at].SplitAt(key, _nextRegionId++);
            _regions.Insert(at + 1, child);
            if (child.Leader == 0)
            {
                After(_random.Next(1_000, 300_000), () => Elect(child));
            }
        }
    }

    private void ScheduleChange() => After(_random.Next(1, 2000 * _options.ChangeEveryMs), () =>
    {
        if (!_isHealed)
        {
            Change();
            ChangeCount++;
            ScheduleChange();
        }
    });

    private void Change()
    {
        ModelRegion region = _regions[_random.Next(_regions.Count)];
        StoreState store = _stores[1 + (ulong)_random.Next(_stores.Count)];
        int choice = _random.Next(100);
        Trace(0xCC, (ulong)choice);
        if (choice < 30)
        {
            SplitAt($"{(char)('a' + _random.Next(26))}{_random.Next(10)}");
        }
        else if (choice < 55)
        {
            Merge(region);
        }
        else if (choice < 67)
        {
            Step(region);
        }
        else if (choice < 85)
        {
            MovePeer(region);
        }
        else if (choice < 92)
        {
            region.Floor = Math.Max(region.Floor, RegionTime - Math.Min(RegionTime, 300_000));
            region.Outcomes.RemoveAll(o => o.Identity.Stamp < region.Floor);
        }
        else if (choice < 97)
        {
            _oldRoutes = CurrentRoutes();
        }
        else if (choice < 98)
        {
            Crash(store);
        }
        else
        {
            Pause(store);
        }
    }

    private void Merge(ModelRegion left)
    {
        int at = _regions.IndexOf(left);
        if (at + 1 < _regions.Count && _regions[at + 1].Stores.Order().SequenceEqual(left.Stores.Order()))
        {
            left.Absorb(_regions[at + 1]);
            _regions.RemoveAt(at + 1);
        }
    }

    /// <summary>The leader steps down; another peer on a store that runs is elected after a while.</summary>
    private void Step(ModelRegion region)
    {
        region.Leader = 0;
        if (_isHealed)
        {
            Elect(region);
        }
        else
        {
            After(_random.Next(1_000, 300_000), () => Elect(region));
        }
    }

    private void Elect(ModelRegion region)
    {
        if (region.Leader != 0)
        {
            return;
        }

        var able = region.Stores.Where(s => _stores[s].IsUp && !_stores[s].IsPaused).ToList();
        if (able.Count == 0)
        {
            After(50_000, () => Elect(region));
            return;
        }

        region.Term++;
        region.Leader = able[_random.Next(able.Count)];
    }

    private void MovePeer(ModelRegion region)
    {
        var others = _stores.Keys.Where(s => !region.Stores.Contains(s)).Order().ToList();
        if (others.Count == 0)
        {
            return;
        }

        ulong gone = region.Stores[_random.Next(region.Stores.Count)];
        region.Stores.Remove(gone);
        region.Stores.Add(others[_random.Next(others.Count)]);
        region.ConfVersion++;
        if (region.Leader == gone)
        {
            Step(region);
        }
    }

    private void Crash(StoreState store)
    {
        if (!store.IsUp)
        {
            return;
        }

        store.IsUp = false;
        store.IsPaused = false;
        store.Held.Clear();
        store.Connection++;
        string address = Messages.Address(store.Id);
        After(_random.Next(100, 2_000), () => _pump!.OnDisconnected(address, "connection reset"));
        LoseOffices(store);
        After(_random.Next(100_000, 2_500_000), () => Start(store));
    }

    private void Start(StoreState store)
    {
        if (!store.IsUp)
        {
            store.IsUp = true;
            store.Incarnation++;
        }
    }

    private void Pause(StoreState store)
    {
        if (!store.IsUp || store.IsPaused)
        {
            return;
        }

        store.IsPaused = true;
        LoseOffices(store);
        After(_random.Next(100_000, 3_500_000), () => Resume(store));
    }

    private void Resume(StoreState store)
    {
        if (store.IsPaused)
        {
            store.IsPaused = false;
            List<Action> held = [.. store.Held];
            store.Held.Clear();
            foreach (Action action in held)
            {
                action();
            }
        }
    }

    private void LoseOffices(StoreState store)
    {
        foreach (ModelRegion region in _regions)
        {
            if (region.Leader == store.Id)
            {
                Step(region);
            }
        }

        if (_placement == store.Id)
        {
            After(_random.Next(10_000, 1_000_000), () => _placement =
                _stores.Values.FirstOrDefault(s => s is { IsUp: true, IsPaused: false })?.Id ?? _placement);
        }
    }
}
