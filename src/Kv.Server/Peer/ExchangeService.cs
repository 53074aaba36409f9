// Owns the receiving side of raft.v1: checks who calls, then hands envelopes to the store. Per calling store and lane
// one stream lives: that of the newest incarnation, and of one incarnation the newest.
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Rpc;
using Kv.Rpc.Server;
using Kv.Store;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Peer;

internal sealed class ExchangeService(Action<Hello> onStranger, ILogger log)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(ulong Store, Lane Lane), Current> _current = [];
    private StoreIdentity? _identity;
    private IEnvelopeReceiver? _receiver;

    public GrpcServiceBinding Bind() => new GrpcService(RaftReflection.Descriptor.Services[0])
        .Duplex<StoreEnvelope, Welcome>("Exchange", ExchangeAsync)
        .Build();

    /// <summary>From now on streams are taken; before, callers are told to come again.</summary>
    public void Open(StoreIdentity identity, IEnvelopeReceiver receiver)
    {
        lock (_lock)
        {
            _identity = identity;
            _receiver = receiver;
        }
    }

    public void Close()
    {
        Current[] open;
        lock (_lock)
        {
            _receiver = null;
            open = [.. _current.Values];
            _current.Clear();
        }

        foreach (Current stream in open)
        {
            stream.End();
        }
    }

    private async ValueTask ExchangeAsync(
        MessageReader<StoreEnvelope> requests, MessageWriter<Welcome> responses, GrpcCallContext context)
    {
        StoreEnvelope? first = await requests.ReadAsync(context.CancellationToken);
        if (first?.Hello is not { } hello)
        {
            throw new RpcException(StatusCode.InvalidArgument, "the first message of an exchange must say hello");
        }

        (StoreIdentity identity, IEnvelopeReceiver receiver) = Admit(hello);
        using var current = new Current(hello.FromIncarnation, context.CancellationToken);
        (ulong, Lane) key = (hello.FromStoreId, hello.Lane);
        Take(key, current);
        try
        {
            await responses.WriteAsync(
                new Welcome
                {
                    StoreId = identity.Self.Id,
                    Incarnation = identity.Self.Incarnation,
                    ProtocolVersion = Protocol.ProtocolVersion.Current,
                },
                current.Token);
            var from = new StoreId(hello.FromStoreId);
            var incarnation = new Incarnation(hello.FromIncarnation);
            while (await requests.ReadAsync(current.Token) is { } envelope)
            {
                // Dropped when a bound is reached: raft sends again (Wire law).
                receiver.OnEnvelope(from, incarnation, envelope);
            }
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
        {
            throw new RpcException(StatusCode.Aborted, "a newer stream took the place of this one, or the store stops");
        }
        catch (IOException e)
        {
            throw new RpcException(StatusCode.Unavailable, $"the connection broke: {e.Message}");
        }
        finally
        {
            lock (_lock)
            {
                if (_current.GetValueOrDefault(key) == current)
                {
                    _current.Remove(key);
                }
            }
        }
    }

    private (StoreIdentity Identity, IEnvelopeReceiver Receiver) Admit(Hello hello)
    {
        StoreIdentity? identity;
        IEnvelopeReceiver? receiver;
        lock (_lock)
        {
            identity = _identity;
            receiver = _receiver;
        }

        if (identity is not null && identity.Check(hello) is string refusal)
        {
            log.LogWarning("a stream from another store is refused: {Why}", refusal);
            throw new RpcException(StatusCode.FailedPrecondition, refusal);
        }

        if (identity is null || receiver is null)
        {
            if (identity is null)
            {
                onStranger(hello);
            }

            throw new RpcException(StatusCode.Unavailable, "the store is not serving yet");
        }

        return (identity, receiver);
    }

    private void Take((ulong Store, Lane Lane) key, Current stream)
    {
        Current? old;
        lock (_lock)
        {
            if (_current.TryGetValue(key, out old) && old.Incarnation > stream.Incarnation)
            {
                throw new RpcException(
                    StatusCode.FailedPrecondition,
                    $"store {key.Store} is known here in incarnation {old.Incarnation}, not {stream.Incarnation}");
            }

            _current[key] = stream;
        }

        old?.End();
    }

    private sealed class Current(ulong incarnation, CancellationToken cancellationToken) : IDisposable
    {
        private readonly CancellationTokenSource _source =
            CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        public ulong Incarnation { get; } = incarnation;

        public CancellationToken Token => _source.Token;

        public void End()
        {
            try
            {
                _source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended by itself meanwhile.
            }
        }

        public void Dispose() => _source.Dispose();
    }
}
