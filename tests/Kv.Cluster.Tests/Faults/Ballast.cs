using Kv.Client;

namespace Kv.Cluster.Tests.Faults;

/// <summary>Large writes beside a judged load, so that logs rotate and are purged while a test looks on.</summary>
internal sealed class Ballast(KvClient client)
{
    private const int KeyCount = 16;

    /// <summary>Every so many writes one gets a segment of its own, whose file is deleted when it is purged.</summary>
    private const int OversizedEvery = 8;

    private const int OversizedBytes = 200 * 1024;

    public int ValueBytes { get; init; } = 24 * 1024;

    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(40);

    /// <summary>Writes until cancelled; failures are the judged load's to judge.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            byte[] key = [(byte)(i * 37), (byte)'b', (byte)(i % KeyCount)];
            byte[] value = new byte[i % OversizedEvery == 0 ? Math.Max(ValueBytes, OversizedBytes) : ValueBytes];
            Random.Shared.NextBytes(value);
            try
            {
                await client.PutAsync(key, value, CancellationToken.None);
                await Task.Delay(Pause, stop);
            }
            catch (KvException)
            {
                // No majority for a moment.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
