using System.Runtime.CompilerServices;

namespace Kv.Rpc;

/// <summary>The incoming messages of a call. One reader at a time; reading and writing may run side by side.</summary>
public abstract class MessageReader<T>
    where T : class
{
    /// <summary>
    /// The next message, or null after the last one: on a server when the client has ended its requests, on a client
    /// when the call has ended with OK. Any other end is an <see cref="RpcException"/>.
    /// </summary>
    public abstract ValueTask<T?> ReadAsync(CancellationToken cancellationToken = default);

    public async IAsyncEnumerable<T> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            yield return message;
        }
    }
}
