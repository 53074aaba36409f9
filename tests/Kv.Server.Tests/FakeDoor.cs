using System.Collections.Concurrent;
using Google.Protobuf;
using Kv.Protocol.V1;
using Kv.Store;

namespace Kv.Server.Tests;

/// <summary>A door that answers gets with the key itself: at once, from another thread, or when told to.</summary>
internal sealed class FakeDoor : IRequestDoor
{
    public ConcurrentQueue<Request> Seen { get; } = new();

    public ConcurrentQueue<(Request Request, IResponseSink Sink)> Held { get; } = new();

    public bool Holds { get; set; }

    public bool Threads { get; set; }

    public int ValueBytes { get; set; }

    /// <summary>Answers instead of a value; null = a value.</summary>
    public Func<Request, Response?> Special { get; set; } = static _ => null;

    public void Submit(Request request, IResponseSink sink)
    {
        Seen.Enqueue(request);
        if (Holds)
        {
            Held.Enqueue((request, sink));
        }
        else if (Threads)
        {
            ThreadPool.UnsafeQueueUserWorkItem(_ => sink.OnResponse(Answer(request)), null);
        }
        else
        {
            sink.OnResponse(Answer(request));
        }
    }

    public Response Answer(Request request)
    {
        if (Special(request) is { } special)
        {
            special.Id = request.Id;
            return special;
        }

        var response = new Response { Id = request.Id, RegionTime = 77 };
        switch (request.CommandCase)
        {
            case Request.CommandOneofCase.Get:
                ByteString value = ValueBytes > 0 ? ByteString.CopyFrom(new byte[ValueBytes]) : request.Get.Key;
                response.Get = new GetResult
                {
                    Found = true, Value = request.Get.ExistsOnly ? ByteString.Empty : value, Revision = 3,
                };
                break;
            case Request.CommandOneofCase.MultiGet:
                response.MultiGet = new MultiGetResponse();
                response.MultiGet.Results.AddRange(
                    request.MultiGet.Keys.Select(static key => new GetResult { Found = true, Value = key }));
                break;
            case Request.CommandOneofCase.Write:
                response.Write = new WriteResult { Revision = (ulong)request.Write.Mutations.Count };
                break;
            case Request.CommandOneofCase.Scan:
                response.Scan = new ScanResponse { More = true, NextKey = request.Scan.StartKey };
                break;
            default:
                response.Routes = new RoutesResponse { ClusterId = 5 };
                break;
        }

        return response;
    }
}
