using Kv.Protocol;
using Microsoft.Extensions.Logging;

namespace Kv.Client;

/// <summary>How a client behaves. Immutable; given once when it is made.</summary>
public sealed record KvClientOptions
{
    /// <summary>host:port of stores to ask first; at least one. Every other store is learned from them.</summary>
    public required IReadOnlyList<string> Seeds { get; init; }

    /// <summary>
    /// Time for one operation, every retry included; for a scan, for each page. More than 0. The default rides out the
    /// election of new leaders after a store has died.
    /// </summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long one request may stay unanswered before its operation asks elsewhere; doubled each time that it happens
    /// to the same operation. A write keeps its identity, so that it takes effect once however often it is sent.
    /// </summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromMilliseconds(1500);

    /// <summary>
    /// Most operations that may be under way or waiting in this client. One more is refused with
    /// <see cref="KvUnavailableException"/>.
    /// </summary>
    public int OperationsMax { get; init; } = 64 * 1024;

    /// <summary>
    /// Most requests unanswered by one store at a time. More wait in the client and go out together when answers come;
    /// requests to other stores are not held up.
    /// </summary>
    public int InFlightPerStoreMax { get; init; } = 1024;

    /// <summary>
    /// Most key and value bytes unanswered by one store at a time (a single larger request still goes out, alone).
    /// </summary>
    public int InFlightBytesPerStoreMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>Limits checked before anything is sent. They must not be wider than the cluster's.</summary>
    public Limits Limits { get; init; } = Limits.Default;

    /// <summary>Takes the client's log; null = none.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock. Only tests replace it.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
