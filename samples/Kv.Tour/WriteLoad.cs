using System.Buffers.Binary;
using Kv.Client;

namespace Kv.Tour;

/// <summary>
/// Writers that never stop: each owns one key and puts a rising number into it, one put after the other, and notes the
/// longest time between two acknowledgements. Each key lies right behind a key of the reference, so that every region
/// has writers and a region without a leader shows as the pause of its writers.
/// </summary>
internal sealed class WriteLoad : IAsyncDisposable
{
    // No key of the reference holds such a byte.
    private const byte KeyEnd = 0x01;

    private readonly KvClient _client;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private readonly Writer[] _writers;
    private Task[] _running = [];

    public WriteLoad(KvClient client, TimeProvider clock, IEnumerable<byte[]> besideKeys)
    {
        _client = client;
        _clock = clock;
        _writers = besideKeys.Select(key => new Writer([.. key, KeyEnd])).ToArray();
    }

    public int WriterCount => _writers.Length;

    public long AcknowledgedCount => _writers.Sum(writer => writer.AcknowledgedCount);

    public long FailedCount => _writers.Sum(writer => writer.FailedCount);

    /// <summary>The longest time that any one writer went without an acknowledgement.</summary>
    public TimeSpan LongestPause => _writers.Max(writer => writer.LongestPause);

    /// <summary>How many writers waited more than <paramref name="pause"/>.</summary>
    public int CountAbove(TimeSpan pause) => _writers.Count(writer => writer.LongestPause > pause);

    public void Start() => _running = _writers.Select(writer => Task.Run(() => RunAsync(writer))).ToArray();

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
    }

    /// <summary>
    /// Reads every writer's key; returns those that hold less than was acknowledged, or more than was ever sent.
    /// </summary>
    public async Task<IReadOnlyList<string>> FindLossesAsync(CancellationToken cancellationToken)
    {
        var losses = new List<string>();
        foreach (Writer writer in _writers)
        {
            byte[]? value = await _client.GetAsync(writer.Key, cancellationToken: cancellationToken);
            ulong number = value is { Length: sizeof(ulong) } ? BinaryPrimitives.ReadUInt64BigEndian(value) : 0;
            if (number < writer.Acknowledged || number > writer.Sent)
            {
                losses.Add($"a key holds {number}; {writer.Acknowledged} was acknowledged and {writer.Sent} sent last");
            }
        }

        return losses;
    }

    /// <summary>Deletes the writers' keys.</summary>
    public async Task RemoveAsync(CancellationToken cancellationToken)
    {
        foreach (Writer writer in _writers)
        {
            await _client.DeleteAsync(writer.Key, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(Writer writer)
    {
        byte[] value = new byte[sizeof(ulong)];
        long last = _clock.GetTimestamp();
        while (!_stop.IsCancellationRequested)
        {
            writer.Sent++;
            BinaryPrimitives.WriteUInt64BigEndian(value, writer.Sent);
            try
            {
                // Not cancelled: the last put of each writer is acknowledged or failed, not left open.
                await _client.PutAsync(writer.Key, value, CancellationToken.None);
                writer.Acknowledged = writer.Sent;
                writer.AcknowledgedCount++;
                writer.Note(_clock.GetElapsedTime(last));
                last = _clock.GetTimestamp();
            }
            catch (KvException)
            {
                // Not acknowledged, so it may or may not be there; the pause goes on.
                writer.FailedCount++;
                writer.Note(_clock.GetElapsedTime(last));
            }
        }
    }

    // Touched by its own loop alone until that has ended; the counts are read before only for progress.
    private sealed class Writer(byte[] key)
    {
        public byte[] Key { get; } = key;

        public ulong Sent { get; set; }

        public ulong Acknowledged { get; set; }

        public long AcknowledgedCount { get; set; }

        public long FailedCount { get; set; }

        public TimeSpan LongestPause { get; private set; }

        public void Note(TimeSpan pause) => LongestPause = pause > LongestPause ? pause : LongestPause;
    }
}
