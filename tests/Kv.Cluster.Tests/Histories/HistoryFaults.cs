// Owns what breaks while a history is written: kills, and pauses within and beyond the lease, one after the other, each
// drawn from the seed. After each, all stores run again.
using Kv.Base;

namespace Kv.Cluster.Tests.Histories;

internal sealed class HistoryFaults(TestCluster cluster, DeterministicRandom random)
{
    /// <summary>Beyond lease plus drift (0.9 s by default) by any measure.</summary>
    private const int LongPauseMs = 2_000;
    private const int LongPauseMoreMs = 2_500;
    private const int ShortPauseMsMax = 700;
    private const int DownMsMax = 1_500;
    private const int QuietMsMax = 1_500;

    private int _faults;

    /// <summary>Processes killed by SIGKILL.</summary>
    public int Kills { get; private set; }

    /// <summary>Pauses shorter than the lease.</summary>
    public int ShortPauses { get; private set; }

    /// <summary>Pauses longer than lease and drift.</summary>
    public int LongPauses { get; private set; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>
    /// Breaks something, waits, mends it, and leaves some quiet. A run begins with the two usual faults.
    /// </summary>
    public async Task NextAsync()
    {
        int victim = random.Next(cluster.Stores.Count);
        int other = (victim + 1 + random.Next(cluster.Stores.Count - 1)) % cluster.Stores.Count;
        int draw = _faults switch
        {
            0 => 0,
            1 => 50,
            _ => random.Next(100),
        };
        _faults++;
        await (draw switch
        {
            < 40 => KillAsync([victim]),
            < 70 => PauseLongAsync(victim, []),
            < 80 => PauseShortAsync(victim),
            < 88 => PauseLongAsync(victim, [other]),
            < 96 => KillAsync([victim, other]),
            _ => KillAsync([.. Enumerable.Range(0, cluster.Stores.Count)]),
        });
        await Task.Delay(random.Next(QuietMsMax), Token);
    }

    private async Task KillAsync(int[] victims)
    {
        foreach (int victim in victims)
        {
            await cluster.KillAsync(victim);
            Kills++;
        }

        await Task.Delay(random.Next(DownMsMax), Token);
        foreach (int victim in victims)
        {
            cluster.Start(victim);
        }
    }

    private async Task PauseShortAsync(int victim)
    {
        cluster.Pause(victim);
        await Task.Delay(random.Next(ShortPauseMsMax), Token);
        cluster.Resume(victim);
        ShortPauses++;
    }

    /// <summary>
    /// While one is stopped, others may be killed: then the one that wakes is needed for a quorum and has seen nothing.
    /// </summary>
    private async Task PauseLongAsync(int victim, int[] killed)
    {
        cluster.Pause(victim);
        await Task.Delay(LongPauseMs + random.Next(LongPauseMoreMs), Token);
        foreach (int other in killed)
        {
            await cluster.KillAsync(other);
            Kills++;
        }

        cluster.Resume(victim);
        LongPauses++;
        if (killed.Length > 0)
        {
            await Task.Delay(random.Next(DownMsMax), Token);
        }

        foreach (int other in killed)
        {
            cluster.Start(other);
        }
    }
}
