using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>
/// What the stores of a loopback test share: keys, two regions cut at "m", who leads them. Safe from any thread.
/// </summary>
internal sealed class LoopbackCluster : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<byte[], (ByteString Value, ulong Revision)> _data = new(KeyOrder.Instance);
    private readonly Dictionary<string, long> _sequences = [];
    private readonly List<LoopbackStore> _stores = [];
    private readonly ulong[] _leaders = [1, 2];
    private ulong _revision;

    public int MessageCount { get; private set; }

    public int RequestCount { get; private set; }

    /// <summary>Data requests are taken and never answered.</summary>
    public bool IsMute { get; set; }

    /// <summary>The same for the requests of one region only; 0 = none.</summary>
    public ulong MuteRegion { get; set; }

    /// <summary>Writes answer as to a retry whose results are forgotten.</summary>
    public bool DropsResults { get; set; }

    /// <summary>Most rows of a page.</summary>
    public int PageRows { get; set; } = 7;

    public List<WriteIdentity> Identities { get; } = [];

    public static async Task<LoopbackCluster> StartAsync(int storeCount)
    {
        var cluster = new LoopbackCluster();
        for (int i = 1; i <= storeCount; i++)
        {
            await LoopbackStore.StartAsync((ulong)i, cluster);
        }

        return cluster;
    }

    public string AddressOf(ulong storeId) => _stores.Find(s => s.Id == storeId)!.Address;

    public Task<KvClient> ConnectAsync(KvClientOptions? options = null)
    {
        string[] seeds = [.. _stores.Select(s => s.Address)];
        return KvClient.ConnectAsync(
            (options ?? new KvClientOptions { Seeds = seeds }) with { Seeds = seeds },
            TestContext.Current.CancellationToken);
    }

    public void Add(LoopbackStore store)
    {
        lock (_lock)
        {
            _stores.Add(store);
        }
    }

    /// <summary>Ends a store's process, so to say, and lets another lead its regions.</summary>
    public async Task KillAsync(ulong storeId, ulong successor)
    {
        LoopbackStore store = _stores.Find(s => s.Id == storeId)!;
        await store.DisposeAsync();
        lock (_lock)
        {
            for (int i = 0; i < _leaders.Length; i++)
            {
                _leaders[i] = _leaders[i] == storeId ? successor : _leaders[i];
            }
        }
    }

    public void OnMessage(int requests)
    {
        lock (_lock)
        {
            MessageCount++;
            RequestCount += requests;
        }
    }

    /// <summary>Null = no answer.</summary>
    public Response? Answer(ulong storeId, Request request)
    {
        lock (_lock)
        {
            if (request.Routes is not null)
            {
                return new Response { Id = request.Id, RegionTime = 1, Routes = Routes() };
            }

            if (IsMute || request.RegionId == MuteRegion)
            {
                return null;
            }

            int region = request.RegionId == 10 ? 0 : 1;
            if (_leaders[region] != storeId)
            {
                return new Response
                {
                    Id = request.Id,
                    Error = RegionErrorTests.NotLeader(request.RegionId, _leaders[region]),
                };
            }

            return Do(request);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (LoopbackStore store in _stores)
        {
            await store.DisposeAsync();
        }
    }

    private Response Do(Request request)
    {
        var response = new Response { Id = request.Id, RegionTime = ++_revision };
        if (request.Get is { } get)
        {
            bool found = _data.TryGetValue(get.Key.ToByteArray(), out (ByteString Value, ulong Revision) entry);
            response.Get = new GetResult
            {
                Found = found,
                Value = found && !get.ExistsOnly ? entry.Value : ByteString.Empty,
                Revision = entry.Revision,
            };
        }
        else if (request.Write is { } write)
        {
            Identities.Add(write.Identity);
            response.Write = Write(write);
            if (DropsResults && response.Write.Results.Count > 0)
            {
                response.Write.Results.Clear();
                response.Write.ResultsDropped = true;
            }
        }
        else if (request.MultiGet is { } many)
        {
            // Two at a time: the client asks for the rest.
            response.MultiGet = new MultiGetResponse();
            foreach (ByteString key in many.Keys.Take(2))
            {
                bool found = _data.TryGetValue(key.ToByteArray(), out (ByteString Value, ulong Revision) entry);
                response.MultiGet.Results.Add(new GetResult
                {
                    Found = found, Value = found ? entry.Value : ByteString.Empty, Revision = entry.Revision,
                });
            }
        }
        else
        {
            response.Scan = Scan(request.Scan);
        }

        return response;
    }

    private WriteResult Write(WriteCommand write)
    {
        if (write.Mutations.All(one => one.Kind is MutationKind.Put or MutationKind.Delete))
        {
            foreach (Mutation mutation in write.Mutations)
            {
                byte[] key = mutation.Key.ToByteArray();
                _data.Remove(key);
                if (mutation.Kind == MutationKind.Put)
                {
                    _data.Add(key, (mutation.Value, _revision));
                }
            }

            return new WriteResult { Revision = _revision };
        }

        var data = new SortedDictionary<string, (string Value, ulong Revision)>(StringComparer.Ordinal);
        foreach ((byte[] key, (ByteString value, ulong revision)) in _data)
        {
            data[Encoding.UTF8.GetString(key)] = (value.ToStringUtf8(), revision);
        }

        WriteResult result = Model.ModelWrites.Execute(write, _revision, data, _sequences, _ => true);
        _data.Clear();
        foreach ((string key, (string value, ulong revision)) in data)
        {
            _data[Encoding.UTF8.GetBytes(key)] = (ByteString.CopyFromUtf8(value), revision);
        }

        return result;
    }

    private ScanResponse Scan(ScanRequest scan)
    {
        var rows = _data
            .Where(e => e.Key.AsSpan().SequenceCompareTo(scan.StartKey.Span) >= 0
                && (scan.EndKey.IsEmpty || e.Key.AsSpan().SequenceCompareTo(scan.EndKey.Span) < 0))
            .ToList();
        if (scan.Reverse)
        {
            rows.Reverse();
        }

        int most = scan.Limit == 0 ? PageRows : Math.Min(PageRows, (int)scan.Limit);
        var page = new ScanResponse { More = rows.Count > most };
        foreach ((byte[] key, (ByteString value, ulong revision)) in rows.Take(most))
        {
            page.Rows.Add(new KeyValue
            {
                Key = ByteString.CopyFrom(key),
                Value = scan.KeysOnly ? ByteString.Empty : value,
                Revision = revision,
            });
        }

        if (page.More)
        {
            byte[] last = rows[most - 1].Key;
            page.NextKey = ByteString.CopyFrom(scan.Reverse ? last : [.. last, 0]);
        }

        return page;
    }

    private RoutesResponse Routes()
    {
        var routes = new RoutesResponse { RegionTime = 1, ClusterId = 5 };
        routes.Routes.Add(Messages.Route(10, "", "m", _leaders[0]));
        routes.Routes.Add(Messages.Route(20, "m", "", _leaders[1]));
        foreach (LoopbackStore store in _stores)
        {
            routes.Stores.Add(new StoreInfo { Id = store.Id, ClientAddress = store.Address, Incarnation = 1 });
        }

        return routes;
    }
}
