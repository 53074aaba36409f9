using Google.Protobuf;
using Kv.Rpc.Server;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>The service of echo.proto, and what tests want to know about its calls.</summary>
internal sealed class EchoService
{
    private int _callsCancelled;

    public int CallsCancelled => Volatile.Read(ref _callsCancelled);

    public TaskCompletionSource Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource<TimeSpan?> SeenTimeout { get; } = new(
        TaskCreationOptions.RunContinuationsAsynchronously);

    public GrpcServiceBinding Bind() => new GrpcService(EchoReflection.Descriptor.Services[0])
        .Unary<EchoRequest, EchoResponse>("Say", SayAsync)
        .ServerStreaming<EchoRequest, EchoResponse>("Repeat", RepeatAsync)
        .ClientStreaming<EchoRequest, EchoResponse>("Collect", CollectAsync)
        .Duplex<EchoRequest, EchoResponse>("Chat", ChatAsync)
        .Build();

    private static EchoResponse ToResponse(EchoRequest request, int index) => new()
    {
        Text = request.Text,
        Payload = request.ResponseBytes > 0 ? ByteString.CopyFrom(new byte[request.ResponseBytes]) : request.Payload,
        Index = index,
    };

    private static void Mirror(GrpcCallContext context)
    {
        foreach (MetadataEntry entry in context.RequestHeaders.Where(e => e.Key.StartsWith('x')))
        {
            if (entry.IsBinary)
            {
                context.ResponseHeaders.Add(entry.Key, entry.Bytes);
                context.ResponseTrailers.Add(entry.Key, entry.Bytes);
            }
            else
            {
                context.ResponseHeaders.Add(entry.Key, entry.Text!);
                context.ResponseTrailers.Add(entry.Key, entry.Text!);
            }
        }
    }

    private async ValueTask<EchoResponse> SayAsync(EchoRequest request, GrpcCallContext context)
    {
        await BehaveAsync(request, context);
        return ToResponse(request, 0);
    }

    private async ValueTask RepeatAsync(
        EchoRequest request, MessageWriter<EchoResponse> responses, GrpcCallContext context)
    {
        if (request.Count == 0)
        {
            await BehaveAsync(request, context);
        }

        for (int i = 0; i < request.Count; i++)
        {
            await responses.WriteAsync(ToResponse(request, i));
        }

        // With responses asked for, what goes wrong goes wrong after them.
        if (request.Count > 0)
        {
            await BehaveAsync(request, context);
        }
    }

    private async ValueTask<EchoResponse> CollectAsync(MessageReader<EchoRequest> requests, GrpcCallContext context)
    {
        List<string> texts = [];
        long bytes = 0;
        await foreach (EchoRequest request in requests.ReadAllAsync())
        {
            await BehaveAsync(request, context);
            texts.Add(request.Text);
            bytes += request.Payload.Length;
        }

        return new EchoResponse { Text = string.Join('|', texts), Index = (int)bytes };
    }

    private async ValueTask ChatAsync(
        MessageReader<EchoRequest> requests, MessageWriter<EchoResponse> responses, GrpcCallContext context)
    {
        int index = 0;
        await foreach (EchoRequest request in requests.ReadAllAsync())
        {
            await BehaveAsync(request, context);
            // Several messages under one flush.
            for (int i = 0; i < Math.Max(1, request.Count); i++)
            {
                responses.Write(ToResponse(request, index++));
            }

            await responses.FlushAsync();
        }
    }

    private async ValueTask BehaveAsync(EchoRequest request, GrpcCallContext context)
    {
        SeenTimeout.TrySetResult(context.Timeout);
        if (request.MirrorMetadata)
        {
            Mirror(context);
        }

        if (request.Compress)
        {
            context.CompressResponses = true;
        }

        if (request.Crash)
        {
            throw new InvalidOperationException("secret of the handler");
        }

        if (request.FailCode != 0)
        {
            throw new RpcException((StatusCode)request.FailCode, request.Text);
        }

        if (request.Hang)
        {
            Hanging.TrySetResult();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            }
            finally
            {
                Interlocked.Increment(ref _callsCancelled);
                Cancelled.TrySetResult();
            }
        }
    }
}
