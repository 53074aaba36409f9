// Owns a load whose every answer can be judged: one writer per key with rising versions, readers beside it. No
// acknowledged write may be lost, no value may appear that was never written, and no read that starts after an
// acknowledgement may return an older version.
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kv.Client;

namespace Kv.Cluster.Tests;

internal sealed class VersionedLoad(KvClient client, int keyCount)
{
    private readonly KeyState[] _keys = [.. Enumerable.Range(0, keyCount).Select(
        i => new KeyState(KeyOf(i, keyCount)))];
    private readonly ConcurrentQueue<string> _problems = new();
    private long _acknowledged;
    private long _reads;
    private long _undetermined;
    private long _failed;
    private long _lastAcknowledgedAt = Environment.TickCount64;
    private long _longestGapMs;

    public IReadOnlyCollection<string> Problems => _problems;

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long Reads => Interlocked.Read(ref _reads);

    public long Undetermined => Interlocked.Read(ref _undetermined);

    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>The longest time in which no write at all was acknowledged, in milliseconds.</summary>
    public long LongestGapMs => Interlocked.Read(ref _longestGapMs);

    public IEnumerable<byte[]> Keys => _keys.Select(key => key.Key);

    /// <summary>Writes and reads until cancelled.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_keys.SelectMany(key => new[]
    {
        Task.Run(() => WriteAsync(key, stop), CancellationToken.None),
        Task.Run(() => ReadAsync(key, stop), CancellationToken.None),
    }));

    /// <summary>Reads every key once and judges it.</summary>
    public async Task VerifyAsync()
    {
        foreach (KeyState key in _keys)
        {
            await ReadOnceAsync(key);
        }
    }

    private static byte[] KeyOf(int number, int count) =>
        [(byte)(number * 256 / count), .. Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"key{number}"))];

    private async Task WriteAsync(KeyState key, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            long version = Interlocked.Increment(ref key.Written);
            try
            {
                await client.PutAsync(
                    key.Key, Encoding.ASCII.GetBytes(
                    version.ToString(CultureInfo.InvariantCulture)), CancellationToken.None);
                Interlocked.Exchange(ref key.Acknowledged, version);
                Interlocked.Increment(ref _acknowledged);
                NoteGap();
            }
            catch (KvUndeterminedException)
            {
                Interlocked.Increment(ref _undetermined);
            }
            catch (KvException)
            {
                Interlocked.Increment(ref _failed);
            }
        }
    }

    private void NoteGap()
    {
        long now = Environment.TickCount64;
        long gap = now - Interlocked.Exchange(ref _lastAcknowledgedAt, now);
        long longest = LongestGapMs;
        while (gap > longest)
        {
            long seen = Interlocked.CompareExchange(ref _longestGapMs, gap, longest);
            if (seen == longest)
            {
                return;
            }

            longest = seen;
        }
    }

    private async Task ReadAsync(KeyState key, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await ReadOnceAsync(key);
        }
    }

    private async Task ReadOnceAsync(KeyState key)
    {
        long acknowledgedBefore = Interlocked.Read(ref key.Acknowledged);
        long seenBefore = Interlocked.Read(ref key.Seen);
        byte[]? value;
        try
        {
            value = await client.GetAsync(key.Key, null, CancellationToken.None);
        }
        catch (KvException)
        {
            return;
        }

        long version = value is null ? 0 : long.Parse(Encoding.ASCII.GetString(value), CultureInfo.InvariantCulture);
        Interlocked.Increment(ref _reads);
        if (version < acknowledgedBefore || version < seenBefore || version > Interlocked.Read(ref key.Written))
        {
            _problems.Enqueue(
                $"{Convert.ToHexString(key.Key)}: read version {version}; acknowledged before {acknowledgedBefore}, "
                + $"seen before {seenBefore}, written {key.Written}");
        }

        // One reader per key: what it has seen only rises.
        Interlocked.Exchange(ref key.Seen, Math.Max(seenBefore, version));
    }

    private sealed class KeyState(byte[] key)
    {
        public long Written;
        public long Acknowledged;
        public long Seen;

        public byte[] Key { get; } = key;
    }
}
