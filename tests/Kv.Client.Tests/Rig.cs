using Google.Protobuf;
using Kv.Base;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>
/// A pump over a network that the test plays by hand: it sees what is sent and says what is answered, in its own time.
/// </summary>
internal sealed class Rig : IClientTransport
{
    private readonly Queue<(string Address, Request Request)> _sent = new();

    public Rig(KvClientOptions? options = null)
    {
        Clock = new ManualClock();
        options ??= new KvClientOptions { Seeds = [Messages.Address(1)] };
        Pump = new ClientPump(options with { Clock = Clock }, new DeterministicRandom(7), Messages.Session);
        Pump.SetWake(() => { });
        Pump.SetTransport(this);
        Routes = [Messages.Route(10, "", "m", leader: 1), Messages.Route(20, "m", "", leader: 2)];
    }

    public ManualClock Clock { get; }

    public ClientPump Pump { get; }

    /// <summary>What placement (store 1) answers.</summary>
    public List<RegionRoute> Routes { get; set; }

    /// <summary>Whether lookups are answered by the rig; otherwise the test sees them like other requests.</summary>
    public bool AnswersRoutes { get; set; } = true;

    /// <summary>Whether nothing but lookups can be sent.</summary>
    public bool RefusesAllButLookups { get; set; }

    public ulong RegionTime { get; set; } = 1000;

    public int LookupCount { get; private set; }

    public List<(string Address, PipelineRequest Message)> SentMessages { get; } = [];

    public int WaitingCount => _sent.Count;

    void IClientTransport.Send(string address, PipelineRequest message)
    {
        SentMessages.Add((address, message));
        foreach (Request request in message.Requests)
        {
            if (request.Routes is { } lookup && AnswersRoutes)
            {
                LookupCount++;
                Reply(address, new Response { Id = request.Id, RegionTime = RegionTime, Routes = Answer(lookup) });
            }
            else if (RefusesAllButLookups)
            {
                var refused = new PipelineRequest();
                refused.Requests.Add(request);
                Pump.OnNotSent(address, refused, "connection refused");
            }
            else
            {
                _sent.Enqueue((address, request));
            }
        }
    }

    public void Run()
    {
        while (Pump.RunOnce())
        {
        }
    }

    public void AdvanceMs(long ms)
    {
        long end = Clock.Ms + ms;
        while (true)
        {
            Run();
            Instant due = Pump.NextDue;
            if (due == Instant.Never || due.Nanoseconds > end * 1_000_000)
            {
                Clock.AdvanceTo(Instant.FromMs(end));
                Run();
                return;
            }

            Clock.AdvanceTo(due);
        }
    }

    public T Submit<T>(T operation)
        where T : ClientOperation
    {
        Pump.Submit(operation);
        Run();
        return operation;
    }

    public GetOperation Get(string key) => Submit(new GetOperation(Messages.Bytes(key)));

    public WriteOperation Put(string key, string value = "v") =>
        Submit(WriteOperation.Put(Messages.Bytes(key), Messages.Bytes(value)));

    /// <summary>The next request sent; fails when there is none.</summary>
    public Request Expect(ulong storeId)
    {
        Run();
        Assert.True(_sent.Count > 0, "nothing was sent");
        (string address, Request request) = _sent.Dequeue();
        Assert.Equal(Messages.Address(storeId), address);
        return request;
    }

    /// <summary>The next request, once time has brought it; no more than a second.</summary>
    public Request ExpectSoon(ulong storeId) => ExpectSoon(Messages.Address(storeId));

    public Request ExpectSoon(string address)
    {
        (string sentTo, Request request) = ExpectAnySoon();
        Assert.Equal(address, sentTo);
        return request;
    }

    public (string Address, Request Request) ExpectAnySoon(long withinMs = 1000)
    {
        for (long waited = 0; _sent.Count == 0 && waited < withinMs; waited++)
        {
            AdvanceMs(1);
        }

        Assert.True(_sent.Count > 0, $"nothing was sent within {withinMs} ms");
        return _sent.Dequeue();
    }

    public void ExpectNothing()
    {
        Run();
        Assert.Empty(_sent);
    }

    public void Reply(string address, Response response)
    {
        var message = new PipelineResponse();
        message.Responses.Add(response);
        Pump.OnResponses(address, message);
    }

    public void Reply(ulong storeId, Response response)
    {
        Reply(Messages.Address(storeId), response);
        Run();
    }

    public void ReplyError(ulong storeId, Request request, RegionError error) =>
        Reply(storeId, new Response { Id = request.Id, RegionTime = RegionTime, Error = error });

    public void ReplyGet(ulong storeId, Request request, string? value, ulong revision = 5) =>
        Reply(storeId, new Response
        {
            Id = request.Id,
            RegionTime = RegionTime,
            Get = new GetResult
            {
                Found = value is not null,
                Value = ByteString.CopyFromUtf8(value ?? ""),
                Revision = value is null ? 0 : revision,
            },
        });

    public void ReplyWrite(ulong storeId, Request request, ulong revision = 7) =>
        Reply(storeId, new Response
        {
            Id = request.Id,
            RegionTime = RegionTime,
            Write = new WriteResult { Revision = revision },
        });

    public void Disconnect(ulong storeId, string reason = "connection reset")
    {
        Pump.OnDisconnected(Messages.Address(storeId), reason);
        Run();
    }

    public void RefuseLast(string reason = "connection refused")
    {
        (string address, PipelineRequest message) = SentMessages[^1];
        Pump.OnNotSent(address, message, reason);
        Run();
    }

    private RoutesResponse Answer(RoutesRequest lookup)
    {
        var answer = new RoutesResponse { RegionTime = RegionTime, ClusterId = 77 };
        answer.Stores.AddRange([Messages.Store(1), Messages.Store(2), Messages.Store(3)]);
        foreach (RegionRoute route in Routes)
        {
            ByteString end = route.Region.EndKey;
            if (!lookup.StoresOnly && (end.IsEmpty || end.Span.SequenceCompareTo(lookup.StartKey.Span) > 0))
            {
                answer.Routes.Add(route);
            }
        }

        return answer;
    }
}
