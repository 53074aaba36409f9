using System.Net;

namespace Kv.Rpc.Client;

/// <summary>
/// The body of a call with many requests: hands the request stream to the call's writer and stays open until the call
/// ends its requests. It cannot be written again, because what was sent is gone.
/// </summary>
internal sealed class StreamingContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isStarted;

    /// <summary>The request stream, once the call's headers are on the wire.</summary>
    public Task<Stream> Opened => _opened.Task;

    /// <summary>Ends the requests.</summary>
    public void Complete() => _completed.TrySetResult();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isStarted, 1) == 1)
        {
            throw new IOException("the connection was closed under a stream, which cannot be sent again");
        }

        try
        {
            // HttpClient keeps the headers back until something is flushed.
            await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whoever waits for the stream must hear of it: the answer may be there already.
            _opened.TrySetException(e);
            throw;
        }

        _opened.TrySetResult(stream);
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (completed, token) => ((TaskCompletionSource)completed!).TrySetCanceled(token), _completed);
        await using (registration.ConfigureAwait(false))
        {
            await _completed.Task.ConfigureAwait(false);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
