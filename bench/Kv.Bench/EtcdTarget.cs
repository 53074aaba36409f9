using Google.Protobuf;
using Kv.Bench.Etcd;
using Kv.Rpc;
using Kv.Rpc.Client;

namespace Kv.Bench;

/// <summary>etcd v3, by unary calls over one channel per member in turn, as its own clients do.</summary>
internal sealed class EtcdTarget : ITarget
{
    private readonly GrpcChannel[] _channels;
    private readonly GrpcMethod<RangeRequest, RangeResponse> _range;
    private readonly GrpcMethod<PutRequest, PutResponse> _put;
    private int _next;

    public EtcdTarget(IReadOnlyList<string> endpoints)
    {
        _channels = [.. endpoints.Select(endpoint => new GrpcChannel(new Uri("http://" + endpoint)))];
        _range = new(EtcdReflection.Descriptor.Services[0], "Range");
        _put = new(EtcdReflection.Descriptor.Services[0], "Put");
    }

    public string Name => "etcd";

    private GrpcChannel Channel => _channels[(uint)Interlocked.Increment(ref _next) % _channels.Length];

    public async Task PutAsync(byte[] key, byte[] value, CancellationToken cancellationToken) =>
        await Channel.CallUnaryAsync(
            _put,
            new PutRequest { Key = UnsafeByteOperations.UnsafeWrap(key),
                Value = UnsafeByteOperations.UnsafeWrap(value) },
            null,
            cancellationToken);

    public async Task<ReadOnlyMemory<byte>?> GetAsync(byte[] key, CancellationToken cancellationToken)
    {
        RangeResponse response = await Channel.CallUnaryAsync(
            _range, new RangeRequest { Key = UnsafeByteOperations.UnsafeWrap(key) }, null, cancellationToken);
        return response.Kvs.Count == 0 ? null : response.Kvs[0].Value.Memory;
    }

    public async Task<int> ScanAsync(
        byte[] start, byte[] end, int count, Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> row,
            CancellationToken cancellationToken)
    {
        RangeResponse response = await Channel.CallUnaryAsync(
            _range,
            new RangeRequest
            {
                Key = UnsafeByteOperations.UnsafeWrap(start),
                RangeEnd = UnsafeByteOperations.UnsafeWrap(end),
                Limit = count,
            },
            null,
            cancellationToken);
        foreach (EtcdKeyValue pair in response.Kvs)
        {
            row(pair.Key.Span, pair.Value.Span);
        }

        return response.Kvs.Count;
    }

    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels)
        {
            channel.Dispose();
        }

        return ValueTask.CompletedTask;
    }
}
