namespace Kv.Rpc;

/// <summary>
/// The outgoing messages of a call. One writer at a time, and no <see cref="Write"/> while a flush is under way;
/// reading and writing may run side by side.
/// </summary>
public abstract class MessageWriter<T>
    where T : class
{
    /// <summary>
    /// Serialises the message into the send buffer; nothing leaves before the next flush, so several messages can share
    /// one. The message may be reused as soon as this returns. Throws <see cref="RpcException"/> with
    /// RESOURCE_EXHAUSTED, and writes nothing, when the message is over the limit for sending.
    /// </summary>
    public abstract void Write(T message);

    /// <summary>Sends what was written. Completes when the transport has taken it, which waits while the other side
    /// does not read.</summary>
    public abstract ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>One message and a flush.</summary>
    public ValueTask WriteAsync(T message, CancellationToken cancellationToken = default)
    {
        Write(message);
        return FlushAsync(cancellationToken);
    }
}
