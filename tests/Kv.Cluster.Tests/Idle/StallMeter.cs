namespace Kv.Cluster.Tests.Idle;

/// <summary>
/// Measures how long this machine keeps a ready thread waiting: time that no program on it can make up for. A bound in
/// wall time is widened by it, so that a busy machine does not fail a test and a quiet one forgives nothing.
/// </summary>
internal sealed class StallMeter : IDisposable
{
    private const int NapMs = 10;

    private readonly Thread _thread;
    private volatile bool _stopping;
    private long _stalledMs;

    public StallMeter()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "stall meter" };
        _thread.Start();
    }

    public long StalledMs => Interlocked.Read(ref _stalledMs);

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
    }

    private void Run()
    {
        while (!_stopping)
        {
            long before = Environment.TickCount64;
            Thread.Sleep(NapMs);
            long late = Environment.TickCount64 - before - NapMs;
            if (late > NapMs)
            {
                Interlocked.Add(ref _stalledMs, late);
            }
        }
    }
}
