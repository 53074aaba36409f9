using System.Buffers.Binary;
using System.Diagnostics;
using Kv.Base;

namespace Kv.Bench;

internal enum LoadKind
{
    Put,
    Get,
    Scan,
}

/// <summary>Figures of one run.</summary>
internal sealed record LoadResult(
    string Target, LoadKind Kind, int Concurrency, long Operations, double Seconds, double P50Ms, double P99Ms,
        double P999Ms,
    double CpuMicrosPerOperation, double SyncsPerOperation, double ResidentMegabytes)
{
    public double PerSecond => Operations / Seconds;
}

/// <summary>
/// One measured run: a fixed number of loops, each with one operation under way. Keys are 16 bytes out of a fixed set;
/// every value carries its key and a checksum and is checked when read.
/// </summary>
internal sealed class LoadRun(ITarget target, ProcessMeter processes, SyncMeter syncs, int keyCount, int valueBytes)
{
    private const int ScanRows = 100;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(5);

    public async Task LoadAsync(int concurrency)
    {
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(async _ =>
        {
            for (int i = Interlocked.Increment(ref next); i < keyCount; i = Interlocked.Increment(ref next))
            {
                await target.PutAsync(KeyOf(i), ValueOf(i, 0), CancellationToken.None);
            }
        }));
    }

    /// <summary>Runs without measuring first, so that compilers and caches are warm, then measures.</summary>
    public async Task<LoadResult> RunAsync(LoadKind kind, int concurrency, TimeSpan duration)
    {
        var warming = Stopwatch.StartNew();
        await Task.WhenAll(
            Enumerable.Range(0, concurrency).Select(i => LoopAsync(kind, (ulong)i + 1_000_001, warming, WarmUp)));
        double cpu = processes.CpuMicroseconds();
        double sync = await syncs.CountAsync();
        var clock = Stopwatch.StartNew();
        List<double>[] latencies = await Task.WhenAll(
            Enumerable.Range(0, concurrency).Select(i => LoopAsync(kind, (ulong)i + 1, clock, duration)));
        double seconds = clock.Elapsed.TotalSeconds;
        double cpuUsed = processes.CpuMicroseconds() - cpu;
        double syncsMade = await syncs.CountAsync() - sync;
        double[] all = [.. latencies.SelectMany(list => list)];
        Array.Sort(all);
        return new LoadResult(
            target.Name, kind, concurrency, all.Length, seconds, At(all, 0.5), At(all, 0.99), At(all, 0.999),
            cpuUsed / all.Length, syncsMade / all.Length, processes.ResidentMegabytes());
    }

    private static double At(double[] sorted, double share) =>
        sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];

    private async Task<List<double>> LoopAsync(LoadKind kind, ulong seed, Stopwatch clock, TimeSpan duration)
    {
        var random = new DeterministicRandom(seed * 7919);
        var latencies = new List<double>(65_536);
        await Task.Yield();
        while (clock.Elapsed < duration)
        {
            int number = random.Next(keyCount);
            long began = Stopwatch.GetTimestamp();
            switch (kind)
            {
                case LoadKind.Put:
                    await target.PutAsync(KeyOf(number), ValueOf(number, random.NextUInt64()), CancellationToken.None);
                    break;
                case LoadKind.Get:
                    ReadOnlyMemory<byte>? value = await target.GetAsync(KeyOf(number), CancellationToken.None);
                    Check(KeyOf(number), value is { } found ? found.Span : default);
                    break;
                case LoadKind.Scan:
                    int start = random.Next(keyCount - ScanRows);
                    int rows = await target.ScanAsync(
                        KeyOf(start), KeyOf(start + ScanRows), ScanRows, Check, CancellationToken.None);
                    if (rows != ScanRows)
                    {
                        throw new InvalidOperationException($"a scan gave {rows} rows, {ScanRows} are there");
                    }

                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(kind));
            }

            latencies.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return latencies;
    }

    /// <summary>
    /// 16 bytes, spread evenly over the key space so that regions cut by first byte hold equal shares.
    /// </summary>
    private byte[] KeyOf(int number)
    {
        byte[] key = new byte[16];
        ulong place = (ulong)((UInt128)number * ulong.MaxValue / (ulong)keyCount);
        BinaryPrimitives.WriteUInt64BigEndian(key, place);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(8), number);
        return key;
    }

    private byte[] ValueOf(int number, ulong salt)
    {
        byte[] value = new byte[valueBytes];
        KeyOf(number).CopyTo(value, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(16), salt);
        new DeterministicRandom(salt + 1).Fill(value.AsSpan(28));
        BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(24), Crc32C.Compute(value.AsSpan(28)));
        return value;
    }

    private void Check(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (value.Length != valueBytes
            || !value[..16].SequenceEqual(key)
            || Crc32C.Compute(value[28..]) != BinaryPrimitives.ReadUInt32LittleEndian(value[24..]))
        {
            throw new InvalidOperationException($"the value of key {Convert.ToHexString(key)} is not what was written");
        }
    }
}
