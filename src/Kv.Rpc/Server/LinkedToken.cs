namespace Kv.Rpc.Server;

/// <summary>
/// Links a caller's token with its call's, once for as long as the caller passes the same one: a stream asks for each
/// of its messages. One operation at a time, as a stream's reader and writer are used.
/// </summary>
internal struct LinkedToken
{
    private CancellationToken _given;
    private CancellationTokenSource? _linked;

    /// <summary>A token that ends with either.</summary>
    public CancellationToken Of(CancellationToken given, CancellationToken call)
    {
        if (!given.CanBeCanceled || given == call)
        {
            return call;
        }

        if (_linked is null || _given != given)
        {
            _linked?.Dispose();
            _given = given;
            _linked = CancellationTokenSource.CreateLinkedTokenSource(given, call);
        }

        return _linked.Token;
    }
}
