using Google.Protobuf;
using Kv.Protocol.V1;

namespace Kv.Client.Tests.Model;

// What stores answer.
internal sealed partial class ModelCluster
{
    private List<RegionRoute> _oldRoutes;
    private ulong _placement = 1;

    private void Serve(StoreState store, ulong connection, Request request)
    {
        if (request.Routes is not null)
        {
            Reply(store, connection, ServeRoutes(store, request));
            return;
        }

        ModelRegion? region = _regions.Find(r => r.Id == request.RegionId);
        if (region is null || !region.Stores.Contains(store.Id))
        {
            ReplyError(store, connection, request, new RegionError
            {
                RegionNotFound = new RegionNotFound { RegionId = request.RegionId },
            });
            return;
        }

        if (region.Leader != store.Id)
        {
            ReplyError(store, connection, request, new RegionError { NotLeader = Hint(region) });
        }
        else if (region.Version != request.Version)
        {
            ReplyError(store, connection, request, EpochNotMatch(request, region));
        }
        else if (_random.Chance(0.01))
        {
            ReplyError(store, connection, request, new RegionError
            {
                ServerIsBusy = new ServerIsBusy { Reason = "model", RetryAfterMs = (uint)_random.Next(20) },
            });
        }
        else if (request.Write is not null)
        {
            ServeWrite(store, connection, request);
        }
        else
        {
            Reply(store, connection, ServeRead(request));
        }
    }

    private void ServeWrite(StoreState store, ulong connection, Request request)
    {
        if (_random.Chance(_options.InDoubtChance))
        {
            // The leader lost its office with the proposal in its log: whether it commits is decided later.
            ModelRegion region = _regions.Find(r => r.Id == request.RegionId)!;
            if (_random.Chance(0.5))
            {
                After(_random.Next(0, 3_000_000), () => Apply(request));
            }

            Step(region);
            ReplyError(store, connection, request, new RegionError { MaybeApplied = true, NotLeader = Hint(region) });
            return;
        }

        After(_random.Next(100, 3_000), () =>
        {
            // A paused store's answer is stuck in it, though its peers may have applied the write.
            Response answer = Apply(request);
            if (store.IsPaused)
            {
                store.Held.Add(() => Reply(store, connection, answer));
            }
            else
            {
                Reply(store, connection, answer);
            }
        });
    }

    /// <summary>In log order: epoch, outcome, floor, mark, then the mutations.</summary>
    private Response Apply(Request request)
    {
        WriteIdentity identity = request.Write.Identity;
        ModelRegion? region = _regions.Find(r => r.Id == request.RegionId);
        if (region is null || region.Version != request.Version)
        {
            return Messages.Error(request.Id, EpochNotMatch(request, region));
        }

        string first = request.Write.Mutations[0].Key.ToStringUtf8();
        bool isRange = request.Write.Mutations[0].Kind == MutationKind.DeleteRange;
        string last = isRange
            ? EndOf(request.Write.Mutations[0], region)
            : request.Write.Mutations[^1].Key.ToStringUtf8();
        Assert.True(
            region.Contains(first) && (isRange ? region.ContainsEnd(last) : region.Contains(last)),
            "a write outside of its region");
        if (region.Outcomes.Find(o => o.Answers(identity, first)) is { } known)
        {
            return new Response { Id = request.Id, Write = Remembered(known.Result) };
        }

        if (identity.Stamp < region.Floor)
        {
            return Messages.Error(request.Id, new RegionError
            {
                StampTooOld = new StampTooOld { Floor = region.Floor, RegionTime = RegionTime },
            });
        }

        if (identity.Sequence < region.Marks.GetValueOrDefault(identity.Session))
        {
            return Messages.Error(request.Id, new RegionError
            {
                Undetermined = new Undetermined { Reason = "below the mark" },
            });
        }

        region.Revision++;
        WriteResult result = ModelWrites.Execute(
            request.Write,
            region.Revision,
            Data,
            Sequences,
            key => key.Contains(DeletableMark, StringComparison.Ordinal));
        if (result.Outcome == WriteOutcome.Applied)
        {
            for (int i = 0; i < request.Write.Mutations.Count; i++)
            {
                NoteApplied(request.Write.Mutations[i], last, $"{identity.Sequence}/{i}");
            }
        }

        if (_options.RemembersOutcomes)
        {
            region.Outcomes.Add(new ModelRegion.Outcome(identity, first, last, isRange, result));
            ulong mark = Math.Max(region.Marks.GetValueOrDefault(identity.Session), identity.LowestUnacknowledged);
            region.Marks[identity.Session] = mark;
            region.Outcomes.RemoveAll(o => o.Identity.Session == identity.Session && o.Identity.Sequence < mark);
        }

        return new Response { Id = request.Id, Write = result.Clone() };
    }

    /// <summary>What a retry is told: large results are not remembered, and here few bytes are large.</summary>
    private static WriteResult Remembered(WriteResult result)
    {
        WriteResult again = result.Clone();
        if (again.Results.Any(told => told.Value.Length > 6))
        {
            again.Results.Clear();
            again.ResultsDropped = true;
        }

        return again;
    }

    private static string EndOf(Mutation range, ModelRegion region) =>
        range.EndKey.IsEmpty ? region.End : range.EndKey.ToStringUtf8();

    private void NoteApplied(Mutation mutation, string end, string identity)
    {
        string key = mutation.Key.ToStringUtf8();
        string value = mutation.Value.ToStringUtf8();
        Trace(0xA9, (ulong)value.Length);
        if (mutation.Kind == MutationKind.DeleteRange)
        {
            // Each key that regions are cut at stands for the keys behind it.
            for (int i = 0; i < 260; i++)
            {
                string at = $"{(char)('a' + (i / 10))}{i % 10}";
                if (ModelWrites.IsIn(at, key, end))
                {
                    NoteOnce($"{identity}/range {at}");
                }
            }

            return;
        }

        NoteOnce($"{identity}/{key}");
        if (mutation.Kind is not (MutationKind.Delete or MutationKind.CompareAndDelete or MutationKind.Sequence))
        {
            AppliedValues[value] = AppliedValues.GetValueOrDefault(value) + 1;
        }
    }

    private void NoteOnce(string id) => Applied[id] = Applied.GetValueOrDefault(id) + 1;

    private Response ServeRead(Request request)
    {
        if (request.Get is { } get)
        {
            bool found = Data.TryGetValue(get.Key.ToStringUtf8(), out (string Value, ulong Revision) entry);
            return new Response
            {
                Id = request.Id,
                Get = new GetResult
                {
                    Found = found,
                    Value = ByteString.CopyFromUtf8(found ? entry.Value : ""),
                    Revision = entry.Revision,
                },
            };
        }

        return request.MultiGet is { } many
            ? new Response { Id = request.Id, MultiGet = ServeMultiGet(many) }
            : new Response { Id = request.Id, Scan = ServeScan(request.Scan) };
    }

    /// <summary>An answer holds a prefix of the keys: as many as fit, and at least one.</summary>
    private MultiGetResponse ServeMultiGet(MultiGetRequest many)
    {
        var answer = new MultiGetResponse();
        foreach (ByteString key in many.Keys.Take(_random.Next(1, 6)))
        {
            bool found = Data.TryGetValue(key.ToStringUtf8(), out (string Value, ulong Revision) entry);
            answer.Results.Add(new GetResult
            {
                Found = found, Value = ByteString.CopyFromUtf8(found ? entry.Value : ""), Revision = entry.Revision,
            });
        }

        return answer;
    }

    private ScanResponse ServeScan(ScanRequest scan)
    {
        string start = scan.StartKey.ToStringUtf8();
        string end = scan.EndKey.ToStringUtf8();
        var keys = Data.Keys
            .Where(k => string.CompareOrdinal(k, start) >= 0 && (end.Length == 0 || string.CompareOrdinal(k, end) < 0))
            .ToList();
        if (scan.Reverse)
        {
            keys.Reverse();
        }

        // A page may be shorter than asked for, even empty: the store's bytes and time for a page are bounded too.
        int most = Math.Min(scan.Limit == 0 ? 1000 : (int)scan.Limit, _random.Next(0, 12));
        if (most == 0 && keys.Count > 0 && NextKey(keys, taken: 0, scan) == (scan.Reverse ? end : start))
        {
            // But every page gets on.
            most = 1;
        }

        var page = new ScanResponse { More = keys.Count > most };
        foreach (string key in keys.Take(most))
        {
            page.Rows.Add(new KeyValue
            {
                Key = ByteString.CopyFromUtf8(key),
                Value = ByteString.CopyFromUtf8(scan.KeysOnly ? "" : Data[key].Value),
                Revision = Data[key].Revision,
            });
        }

        if (page.More)
        {
            page.NextKey = ByteString.CopyFromUtf8(NextKey(keys, most, scan));
        }

        return page;
    }

    private static string NextKey(List<string> keys, int taken, ScanRequest scan)
    {
        if (taken == 0)
        {
            return scan.Reverse ? keys[0] + "\0" : keys[0];
        }

        return scan.Reverse ? keys[taken - 1] : keys[taken - 1] + "\0";
    }

    private Response ServeRoutes(StoreState store, Request request)
    {
        if (store.Id != _placement)
        {
            return Messages.Error(request.Id, new RegionError
            {
                NotPlacementLeader = new NotPlacementLeader
                {
                    LeaderStore = _random.Chance(0.7) ? Describe(_stores[_placement]) : null,
                },
            });
        }

        var answer = new RoutesResponse { RegionTime = RegionTime, ClusterId = 1 };
        string start = request.Routes.StartKey.ToStringUtf8();
        foreach (RegionRoute route in _random.Chance(0.3) ? _oldRoutes : CurrentRoutes())
        {
            string end = route.Region.EndKey.ToStringUtf8();
            if ((end.Length == 0 || string.CompareOrdinal(end, start) > 0) && answer.Routes.Count < 4)
            {
                answer.Routes.Add(route);
            }
        }

        foreach (StoreState state in _stores.Values)
        {
            answer.Stores.Add(Describe(state));
        }

        return new Response { Id = request.Id, Routes = answer };
    }

    private void ReplyError(StoreState store, ulong connection, Request request, RegionError error) =>
        Reply(store, connection, Messages.Error(request.Id, error));

    private NotLeader Hint(ModelRegion region)
    {
        ulong named = _random.Chance(0.2) ? region.Stores[_random.Next(region.Stores.Count)] : region.Leader;
        return new NotLeader
        {
            RegionId = region.Id,
            Leader = named == 0 ? null : new Peer { Id = (100 * region.Id) + named, StoreId = named },
            LeaderStore = named == 0 || _random.Chance(0.5) ? null : Describe(_stores[named]),
        };
    }

    private RegionError EpochNotMatch(Request request, ModelRegion? region)
    {
        var error = new RegionError { EpochNotMatch = new EpochNotMatch() };
        if (region is not null && _random.Chance(0.9))
        {
            error.EpochNotMatch.CurrentRegions.Add(region.ToRoute());
            int at = _regions.IndexOf(region);
            if (at + 1 < _regions.Count)
            {
                error.EpochNotMatch.CurrentRegions.Add(_regions[at + 1].ToRoute());
            }
        }

        Trace(0xEE, request.Id);
        return error;
    }

    private static StoreInfo Describe(StoreState store) => Messages.Store(store.Id, store.Incarnation);

    private List<RegionRoute> CurrentRoutes() => [.. _regions.Select(r => r.ToRoute())];
}
