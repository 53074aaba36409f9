using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;

namespace Kv.Client.Admin;

/// <summary>
/// Administration of a cluster (kv.v1.Admin) through any of its stores: seeds are tried in order, a store that names
/// another one to ask is followed. Every call may be repeated without harm. Failures are <see cref="KvException"/>s
/// with one line for people, and <see cref="OperationCanceledException"/> when the caller cancelled. Safe for use by
/// several threads.
/// </summary>
public sealed class KvAdmin : IAsyncDisposable
{
    /// <summary>Regions per page of <see cref="RegionsAsync"/>.</summary>
    public const int RegionPageMax = 1000;

    private const string LeaderAddressTrailer = "kv-leader-address";

    /// <summary>Stores name the one to ask; more than this many in a row means that they do not agree yet.</summary>
    private const int RedirectsMax = 4;

    /// <summary>Channels kept; more addresses than stores can have means that the stores make them up.</summary>
    private const int ChannelsMax = 1024;

    /// <summary>A page of regions with the longest keys.</summary>
    private const int AnswerBytesMax = 32 * 1024 * 1024;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan AttemptTimeoutMin = TimeSpan.FromSeconds(1);

    private static readonly ServiceDescriptor Service =
        AdminReflection.Descriptor.Services.Single(service => service.Name == "Admin");

    private static readonly GrpcMethod<InitRequest, InitResponse> InitMethod = new(Service, "Init");

    private static readonly GrpcMethod<ClusterStatusRequest, ClusterStatusResponse> StatusMethod =
        new(Service, "ClusterStatus");

    private static readonly GrpcMethod<StoreListRequest, StoreListResponse> StoreListMethod = new(Service, "StoreList");

    private static readonly GrpcMethod<RegionListRequest, RegionListResponse> RegionListMethod =
        new(Service, "RegionList");

    private static readonly GrpcMethod<RegionShowRequest, RegionShowResponse> RegionShowMethod =
        new(Service, "RegionShow");

    private static readonly GrpcMethod<TransferLeaderRequest, TransferLeaderResponse> TransferMethod =
        new(Service, "TransferLeader");

    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new(StringComparer.Ordinal);
    private readonly string[] _seeds;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _clock;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="seeds">host:port of the client port of stores, tried in order; at least one.</param>
    /// <param name="timeout">For each call, all attempts included; more than 0.</param>
    /// <param name="clock">Only tests replace it.</param>
    /// <exception cref="KvInvalidRequestException">A seed is not of the form host:port, or there is none.</exception>
    public KvAdmin(IReadOnlyList<string> seeds, TimeSpan timeout, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        if (seeds.Count == 0)
        {
            throw new KvInvalidRequestException(
                nameof(seeds), "no seed is given; name the client address of a store, such as 127.0.0.1:7400");
        }

        foreach (string seed in seeds)
        {
            if (!TryParseAddress(seed, out _))
            {
                throw new KvInvalidRequestException(
                    nameof(seeds), $"seed '{seed}' is not of the form host:port, such as 127.0.0.1:7400");
            }
        }

        _seeds = [.. seeds];
        _timeout = timeout;
        _clock = clock ?? TimeProvider.System;
    }

    /// <summary>
    /// Founds the cluster from the named stores (peer addresses). Idempotent: sent again it answers the same cluster
    /// id, with <see cref="InitResponse.Already"/> set (System region law).
    /// </summary>
    public ValueTask<InitResponse> InitAsync(InitRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(InitMethod, request, cancellationToken);

    /// <summary>The cluster as placement sees it.</summary>
    public ValueTask<ClusterStatusResponse> ClusterStatusAsync(CancellationToken cancellationToken = default) =>
        CallAsync(StatusMethod, new ClusterStatusRequest(), cancellationToken);

    /// <summary>Every store with its state and load.</summary>
    public ValueTask<StoreListResponse> StoreListAsync(CancellationToken cancellationToken = default) =>
        CallAsync(StoreListMethod, new StoreListRequest(), cancellationToken);

    /// <summary>One page of regions in the order of their keys.</summary>
    public ValueTask<RegionListResponse> RegionListAsync(
        RegionListRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(RegionListMethod, request, cancellationToken);

    /// <summary>
    /// All regions in the order of their keys, the system region among them where the cluster lists it.
    /// </summary>
    public async ValueTask<IReadOnlyList<RegionStatus>> RegionsAsync(CancellationToken cancellationToken = default)
    {
        var regions = new List<RegionStatus>();
        var request = new RegionListRequest { Limit = RegionPageMax };
        while (true)
        {
            RegionListResponse page = await RegionListAsync(request, cancellationToken).ConfigureAwait(false);
            regions.AddRange(page.Regions);
            if (!page.More)
            {
                return regions;
            }

            if (page.NextKey.Span.SequenceCompareTo(request.StartKey.Span) <= 0)
            {
                throw new KvException("a store answered a page of regions that does not go on; see its log");
            }

            request = new RegionListRequest { StartKey = page.NextKey, Limit = RegionPageMax };
        }
    }

    /// <summary>One region as its leader sees it.</summary>
    public ValueTask<RegionShowResponse> RegionShowAsync(
        ulong regionId, CancellationToken cancellationToken = default) =>
        CallAsync(RegionShowMethod, new RegionShowRequest { RegionId = regionId }, cancellationToken);

    /// <summary>Makes the peer on <paramref name="storeId"/> the region's leader; done when it leads.</summary>
    public ValueTask<TransferLeaderResponse> TransferLeaderAsync(
        ulong regionId, ulong storeId, CancellationToken cancellationToken = default) =>
        CallAsync(
            TransferMethod, new TransferLeaderRequest { RegionId = regionId, StoreId = storeId }, cancellationToken);

    /// <summary>Closes the connections; calls under way fail.</summary>
    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels.Values)
        {
            channel.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    internal static bool TryParseAddress(string address, out Uri uri)
    {
        // The port must be spelled out: for a URI it has a default.
        ReadOnlySpan<char> port = address.AsSpan(address.LastIndexOf(':') + 1);
        bool isAddress = Uri.TryCreate("http://" + address, UriKind.Absolute, out Uri? parsed)
            && parsed is { PathAndQuery: "/", UserInfo.Length: 0 }
            && ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
            && number > 0;
        uri = isAddress ? parsed! : new Uri("http://0.0.0.0");
        return isAddress;
    }

    private async ValueTask<TResponse> CallAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        long start = _clock.GetTimestamp();
        var failures = new List<AdminFailure>();
        for (int i = 0; i < _seeds.Length; i++)
        {
            string? address = _seeds[i];
            for (int redirects = 0; address is not null && redirects <= RedirectsMax; redirects++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                TimeSpan left = _timeout - _clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero)
                {
                    throw new KvTimeoutException(
                        $"{method.Descriptor.Name} was not answered within {Seconds(_timeout)}: {Describe(failures)}");
                }

                // What is left is shared out, so that one silent store leaves time for the others.
                TimeSpan share = left / (_seeds.Length - i);
                TimeSpan attempt = share > AttemptTimeoutMin || left < AttemptTimeoutMin ? share : AttemptTimeoutMin;
                try
                {
                    return await ChannelTo(address).CallUnaryAsync(
                        method,
                        request,
                        new CallOptions { Timeout = attempt },
                        cancellationToken).ConfigureAwait(false);
                }
                catch (RpcException cause)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    string? next = WhereNext(cause);
                    failures.Add(new AdminFailure(address, cause, IsRedirect: next is not null));
                    address = next;
                }
            }
        }

        throw Failure(method.Descriptor.Name, failures);
    }

    // A store that cannot answer names the one that can, or leaves it to the next seed; what is wrong with the request
    // itself is wrong everywhere.
    private static string? WhereNext(RpcException cause)
    {
        string? leader = cause.Trailers.GetText(LeaderAddressTrailer);
        if (!string.IsNullOrEmpty(leader) && TryParseAddress(leader, out _))
        {
            return leader;
        }

        return cause.StatusCode switch
        {
            StatusCode.InvalidArgument => throw new KvInvalidRequestException("", cause.Detail),
            StatusCode.NotFound or StatusCode.AlreadyExists
                or StatusCode.PermissionDenied or StatusCode.Unauthenticated =>
                    throw new KvException(cause.Detail, cause),
            _ => null,
        };
    }

    private static KvException Failure(string call, List<AdminFailure> failures)
    {
        // What a store said weighs more than that another could not be reached, and both more than "ask another".
        AdminFailure failure = failures.FindLast(item => !item.IsRedirect && !item.IsSilence)
            ?? failures.FindLast(item => item.IsSilence)
            ?? failures[^1];
        RpcException cause = failure.Cause;
        return cause.StatusCode switch
        {
            StatusCode.Unavailable =>
                new KvUnavailableException($"no store could be asked for {call}: {Describe(failures)}", cause),
            StatusCode.DeadlineExceeded =>
                new KvTimeoutException($"{call} was not answered in time: {Describe(failures)}"),
            StatusCode.Unimplemented => new KvException(
                $"{failure.Address} does not know {call}: it is no KvStore, of another version, or not its client port",
                cause),
            _ => new KvException($"{cause.Detail} (said {failure.Address})", cause),
        };
    }

    private static string Describe(List<AdminFailure> failures) =>
        string.Join(", ", failures.Select(failure => failure.Describe()).Distinct(StringComparer.Ordinal));

    private static string Seconds(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s");

    private GrpcChannel ChannelTo(string address)
    {
        if (_channels.TryGetValue(address, out GrpcChannel? channel))
        {
            return channel;
        }

        if (_channels.Count >= ChannelsMax || !TryParseAddress(address, out Uri uri))
        {
            throw new KvException($"a store named '{address}' as the one to ask, which cannot be used as an address");
        }

        channel = new GrpcChannel(
            uri,
            new GrpcChannelOptions { ConnectTimeout = ConnectTimeout, ReceiveMessageBytesMax = AnswerBytesMax });
        if (_channels.TryAdd(address, channel))
        {
            return channel;
        }

        channel.Dispose();
        return _channels[address];
    }
}
