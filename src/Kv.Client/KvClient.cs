using System.Diagnostics;
using System.Security.Cryptography;
using Kv.Base;
using Kv.Client.Core;
using Kv.Client.Hosting;
using Kv.Protocol.Commands;

namespace Kv.Client;

/// <summary>
/// A client of one cluster. It finds the stores that lead the keys' regions, keeps one stream open to each store, sends
/// what waits for a store together, and retries within a time budget; a write takes effect at most once, however often
/// it is retried (Once law). Keys order as unsigned bytes; empty keys are refused; an empty value is a value.
/// <para>
/// Safe for use by any number of threads; make one and share it. Bytes given to a method are copied before it returns
/// its task; bytes returned are the caller's.
/// </para>
/// <para>
/// Every operation throws <see cref="KvInvalidRequestException"/> when an argument breaks a limit,
/// <see cref="KvTimeoutException"/> when the time budget ran out, <see cref="KvUnavailableException"/> when it was
/// refused without being sent, <see cref="OperationCanceledException"/> when the caller cancelled, and another
/// <see cref="KvException"/> for the rest.
/// A write that was sent, but whose outcome cannot be known, throws <see cref="KvUndeterminedException"/> in place of
/// any of these.
/// </para>
/// </summary>
public sealed partial class KvClient : IAsyncDisposable
{
    private readonly ClientPump _pump;
    private readonly PumpHost _host;
    private readonly IAsyncDisposable _transport;
    private int _isDisposed;

    private KvClient(KvClientOptions options, Func<KvClientOptions, IClientTransportSink, OwnedTransport> open)
    {
        Check(options);
        Options = options;
        Span<byte> seed = stackalloc byte[SessionId.Bytes + sizeof(ulong)];
        RandomNumberGenerator.Fill(seed);
        var session = SessionId.Read(seed);
        var random = new DeterministicRandom(BitConverter.ToUInt64(seed[SessionId.Bytes..]));
        _pump = new ClientPump(options, random, session);
        OwnedTransport transport = open(options, _pump);
        _transport = transport.Owner;
        _pump.SetTransport(transport.Transport);
        _host = new PumpHost(_pump, options.Clock, OnFault);
    }

    /// <summary>What it was made with.</summary>
    public KvClientOptions Options { get; }

    /// <summary>Operations under way or waiting now.</summary>
    public int OutstandingCount => _pump.OutstandingCount;

    /// <summary>
    /// Connects to a cluster: asks the seeds in turn until one says where regions and stores are. Throws
    /// <see cref="ArgumentException"/> for options that make no sense, and <see cref="KvUnavailableException"/> naming
    /// what each attempt met when no seed answers within <see cref="KvClientOptions.OperationTimeout"/>.
    /// </summary>
    public static async Task<KvClient> ConnectAsync(
        KvClientOptions options, CancellationToken cancellationToken = default)
    {
        var client = new KvClient(options, OpenGrpc);
        try
        {
            await client.RunAsync(new RoutesOperation(), cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch (KvTimeoutException e)
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw new KvUnavailableException(
                $"no store answered at {string.Join(", ", options.Seeds)}; is the cluster running and founded? "
                + e.Message,
                e);
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Connects to the cluster that the stores at <paramref name="seeds"/> (host:port) belong to, with default options.
    /// </summary>
    public static Task<KvClient> ConnectAsync(params string[] seeds) =>
        ConnectAsync(new KvClientOptions { Seeds = seeds });

    /// <summary>
    /// Reads a value; null when the key does not exist. Sees every write acknowledged before the call (Read law).
    /// </summary>
    public async ValueTask<byte[]?> GetAsync(
        ReadOnlyMemory<byte> key, GetOptions? options = null, CancellationToken cancellationToken = default)
    {
        var get = new GetOperation(key.Span, (options ?? GetOptions.Default).Mode);
        await RunAsync(get, cancellationToken).ConfigureAwait(false);
        return get.Found ? get.Value.ToArray() : null;
    }

    /// <summary>Reads a value with the revision of the write that made it; null when the key does not exist.</summary>
    public async ValueTask<ValueWithRevision?> GetWithRevisionAsync(
        ReadOnlyMemory<byte> key, GetOptions? options = null, CancellationToken cancellationToken = default)
    {
        var get = new GetOperation(key.Span, (options ?? GetOptions.Default).Mode);
        await RunAsync(get, cancellationToken).ConfigureAwait(false);
        return get.Found ? new ValueWithRevision(get.Value.ToArray(), get.Revision) : null;
    }

    /// <summary>
    /// Whether a key exists, without its value on the wire. Sees every write acknowledged before the call (Read law).
    /// </summary>
    public async ValueTask<bool> ExistsAsync(
        ReadOnlyMemory<byte> key, GetOptions? options = null, CancellationToken cancellationToken = default)
    {
        var get = new GetOperation(key.Span, (options ?? GetOptions.Default).Mode) { ExistsOnly = true };
        await RunAsync(get, cancellationToken).ConfigureAwait(false);
        return get.Found;
    }

    /// <summary>
    /// Reads many keys, all regions at the same time, and returns their values in the order of the keys; null = absent.
    /// A key may come more than once. Each value is as a get would read it; there is no view over all of them. When
    /// some keys cannot be read it throws <see cref="KvMultiGetException"/>, which holds the values of the others; when
    /// none can, what a get would throw.
    /// </summary>
    public async ValueTask<IReadOnlyList<ValueWithRevision?>> MultiGetAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> keys,
        GetOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var get = new MultiGetOperation(keys, (options ?? GetOptions.Default).Mode);
        await RunAsync(get, cancellationToken).ConfigureAwait(false);
        return get.Values;
    }

    /// <summary>
    /// Sets a key to a value, which may be empty. Returns once the write is durable on a quorum and applied.
    /// </summary>
    public async ValueTask<WriteReceipt> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        var write = WriteOperation.Put(key.Span, value.Span);
        await RunAsync(write, cancellationToken).ConfigureAwait(false);
        return new WriteReceipt(write.Revision, write.RegionId);
    }

    /// <summary>
    /// Deletes a key; that it does not exist is no error. Returns once the write is durable on a quorum and applied.
    /// </summary>
    public async ValueTask<WriteReceipt> DeleteAsync(
        ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        var write = WriteOperation.Delete(key.Span);
        await RunAsync(write, cancellationToken).ConfigureAwait(false);
        return new WriteReceipt(write.Revision, write.RegionId);
    }

    /// <summary>
    /// Sends all mutations of a batch. Those of one region take effect together or not at all; regions are written in
    /// parallel, with no atomicity between them, and the result lists each region's part. Returns when every part took
    /// effect, or did not because a condition of it failed (<see cref="BatchPartOutcome.ConditionFailed"/>): with
    /// conditions, look at <see cref="BatchResult.AllApplied"/>. Otherwise throws: for a batch of a single part that
    /// part's own exception, else <see cref="KvBatchException"/> with the result of every part. An empty batch does
    /// nothing.
    /// </summary>
    public async ValueTask<BatchResult> BatchAsync(WriteBatch batch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var write = WriteOperation.Batch(batch);
        await RunAsync(write, cancellationToken).ConfigureAwait(false);
        return write.ToResult();
    }

    /// <summary>
    /// Closes the streams. Operations under way end: writes that were sent as undetermined, the others as unavailable.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
        {
            return;
        }

        _pump.Close(new KvUnavailableException("the client was closed"));
        await _host.DisposeAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Makes a client over another transport. For tests.</summary>
    internal static KvClient Create(
        KvClientOptions options, Func<KvClientOptions, IClientTransportSink, OwnedTransport> open) =>
        new(options, open);

    private static OwnedTransport OpenGrpc(KvClientOptions options, IClientTransportSink sink)
    {
        var transport = new GrpcClientTransport(options, sink);
        return new OwnedTransport(transport, transport);
    }

    private ValueTask RunAsync(ClientOperation operation, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) == 1, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (ClientMetrics.Activities.HasListeners())
        {
            return RunTracedAsync(operation, cancellationToken);
        }

        _pump.Submit(operation);
        return cancellationToken.CanBeCanceled
            ? RunCancellableAsync(operation, cancellationToken)
            : operation.WhenCompletedAsync();
    }

    private async ValueTask RunTracedAsync(ClientOperation operation, CancellationToken cancellationToken)
    {
        using Activity? activity = ClientMetrics.Activities.StartActivity(
            $"kv.client.{operation.Kind}", ActivityKind.Client);
        try
        {
            _pump.Submit(operation);
            await RunCancellableAsync(operation, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    private static async ValueTask RunCancellableAsync(ClientOperation operation, CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static target => ((ClientOperation)target!).Cancel(), operation);
        try
        {
            await operation.WhenCompletedAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }
        finally
        {
            await registration.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void OnFault(Exception fault) => _pump.Abort(
        new KvException($"the client stopped on an internal error: {fault.Message}", fault));

    private static void Check(KvClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Seeds.Count == 0)
        {
            throw new ArgumentException("Seeds: name at least one store as host:port", nameof(options));
        }

        if (options.OperationTimeout <= TimeSpan.Zero || options.AttemptTimeout <= TimeSpan.Zero
            || options.OperationTimeout.TotalDays > 1 || options.AttemptTimeout.TotalDays > 1)
        {
            throw new ArgumentException(
                "OperationTimeout and AttemptTimeout must be more than zero and at most a day", nameof(options));
        }

        if (options.OperationsMax < 1 || options.InFlightPerStoreMax < 1 || options.InFlightBytesPerStoreMax < 1)
        {
            throw new ArgumentException(
                "OperationsMax, InFlightPerStoreMax and InFlightBytesPerStoreMax must be at least 1", nameof(options));
        }
    }

    /// <summary>A transport and what to dispose to end it.</summary>
    internal readonly record struct OwnedTransport(IClientTransport Transport, IAsyncDisposable Owner);
}
