namespace Kv.Rpc;

/// <summary>
/// How a call fails. A handler throws it to answer with <see cref="StatusCode"/> and <see cref="Detail"/>; a client
/// throws it for every call that did not end with OK, whatever the cause was (answer, reset, lost connection, deadline,
/// cancellation).
/// </summary>
public sealed class RpcException : Exception
{
    /// <param name="statusCode">Never <see cref="Rpc.StatusCode.Ok"/>.</param>
    /// <param name="detail">The text that goes over the wire as <c>grpc-message</c>: safe for the other side to
    /// read.</param>
    public RpcException(StatusCode statusCode, string detail)
        : this(statusCode, detail, trailers: null, innerException: null)
    {
    }

    /// <param name="statusCode">Never <see cref="Rpc.StatusCode.Ok"/>.</param>
    /// <param name="detail">The text that goes over the wire as <c>grpc-message</c>: safe for the other side to
    /// read.</param>
    /// <param name="trailers">Sent (server) or received (client) with the status; null is none.</param>
    /// <param name="innerException">The local cause; never sent.</param>
    public RpcException(StatusCode statusCode, string detail, Metadata? trailers, Exception? innerException = null)
        : base($"{statusCode}: {detail}", innerException)
    {
        if (statusCode == StatusCode.Ok)
        {
            throw new ArgumentOutOfRangeException(nameof(statusCode), "OK is not a failure");
        }

        StatusCode = statusCode;
        Detail = detail;
        Trailers = trailers ?? Metadata.Empty;
    }

    public StatusCode StatusCode { get; }

    public string Detail { get; }

    public Metadata Trailers { get; }
}
