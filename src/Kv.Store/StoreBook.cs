// Owns what this store knows of the others (Finding law): addresses, incarnations, and where region 1 is led. Safe from
// any thread. The newest incarnation wins everywhere; what an older one says is ignored.
using System.Collections.Concurrent;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>Where region 1 was last known to be led.</summary>
internal sealed record SystemLeader(StoreId Store, ulong Term)
{
    public static readonly SystemLeader Unknown = new(default, 0);
}

internal sealed class StoreBook
{
    private readonly ConcurrentDictionary<StoreId, StoreInfo> _stores = new();
    private readonly ConcurrentDictionary<StoreId, byte> _changed = new();
    private readonly StoreInfo _self;
    private readonly Action<StoreInfo> _onChanged;
    private volatile SystemLeader _systemLeader = SystemLeader.Unknown;

    public StoreBook(StoreInfo self, Action<StoreInfo> onChanged)
    {
        _self = self;
        _onChanged = onChanged;
        _stores[new StoreId(self.Id)] = self;
    }

    public SystemLeader SystemLeader => _systemLeader;

    public StoreInfo? Find(StoreId id) => _stores.GetValueOrDefault(id);

    /// <summary>Every known store but this one, by id.</summary>
    public IReadOnlyList<StoreInfo> Others()
    {
        var others = new List<StoreInfo>();
        foreach (StoreInfo store in _stores.Values)
        {
            if (store.Id != _self.Id)
            {
                others.Add(store);
            }
        }

        others.Sort((a, b) => a.Id.CompareTo(b.Id));
        return others;
    }

    /// <summary>
    /// Whether a message from this incarnation may be heard: not from an older life than one already seen.
    /// </summary>
    public bool IsCurrent(StoreId store, Incarnation incarnation) =>
        !_stores.TryGetValue(store, out StoreInfo? known) || known.Incarnation <= incarnation.Value;

    /// <summary>Takes news of a store; false when it is old news or about this store itself.</summary>
    public bool Learn(StoreInfo store)
    {
        if (store.Id == 0 || store.Id == _self.Id)
        {
            return false;
        }

        var id = new StoreId(store.Id);
        if (_stores.TryGetValue(id, out StoreInfo? known) && (known.Incarnation > store.Incarnation || known.Equals(
            store)))
        {
            return false;
        }

        _stores[id] = store;
        _changed[id] = 0;
        _onChanged(store);
        return true;
    }

    public void LearnSystemLeader(StoreId store, ulong term)
    {
        if (!store.IsNone && (term > _systemLeader.Term || (term == _systemLeader.Term && _systemLeader.Store.IsNone)))
        {
            _systemLeader = new SystemLeader(store, term);
        }
    }

    /// <summary>Stores whose entry changed since the last call, to be written to meta.</summary>
    public List<StoreInfo> TakeChanged()
    {
        var changed = new List<StoreInfo>();
        foreach (StoreId id in _changed.Keys)
        {
            if (_changed.TryRemove(id, out _))
            {
                changed.Add(_stores[id]);
            }
        }

        changed.Sort((a, b) => a.Id.CompareTo(b.Id));
        return changed;
    }
}
