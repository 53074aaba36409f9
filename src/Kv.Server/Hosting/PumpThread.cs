// Owns the thread that drives one pump. It sleeps without spinning until mail comes or the pump's own due time; a wake
// that comes while the pump runs is never lost, because the flag is cleared before the turn, not after it.
using Kv.Base;

namespace Kv.Server.Hosting;

/// <summary>A dedicated, named thread for one pump.</summary>
internal sealed class PumpThread
{
    /// <summary>
    /// Longest sleep without looking at the due time again; only a bound, not a period anything depends on.
    /// </summary>
    private const long SleepMsMax = 60_000;

    private readonly Pump _pump;
    private readonly TimeProvider _clock;
    private readonly Action<Pump, Exception> _onFailure;
    private readonly Thread _thread;
    private readonly Lock _startStop = new();
    private readonly object _gate = new();
    private int _wakePending;
    private volatile bool _stopping;
    private bool _started;

    // Read by wakers: a wake costs a system call only when the thread really sleeps.
    private volatile bool _sleeping;

    /// <param name="pump">Driven by this thread alone.</param>
    /// <param name="clock">For due times.</param>
    /// <param name="onFailure">Called on the thread when a turn throws; the pump is not run again.</param>
    public PumpThread(Pump pump, TimeProvider clock, Action<Pump, Exception> onFailure)
    {
        _pump = pump;
        _clock = clock;
        _onFailure = onFailure;
        _thread = new Thread(Run) { Name = $"kv-{pump.Name}", IsBackground = true };
        pump.SetWake(Wake);
    }

    public string Name => _pump.Name;

    public void Start()
    {
        lock (_startStop)
        {
            Invariant.Require(!_started);
            _started = true;
            _thread.Start();
        }
    }

    /// <summary>Lets the running turn end and waits for the thread. False = it did not end in time.</summary>
    public bool Stop(TimeSpan timeout)
    {
        _stopping = true;
        Wake();
        lock (_startStop)
        {
            return !_started || Thread.CurrentThread == _thread || _thread.Join(timeout);
        }
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _wakePending, 1) == 0 && _sleeping)
        {
            lock (_gate)
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
            {
                Interlocked.Exchange(ref _wakePending, 0);
                if (!_pump.RunOnce())
                {
                    Sleep();
                }
            }
        }
#pragma warning disable CA1031 // Whatever a turn throws ends the process; the host decides how.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _onFailure(_pump, e);
        }
    }

    private void Sleep()
    {
        Instant due = _pump.NextDue;
        long ms = SleepMsMax;
        if (due != Instant.Never)
        {
            long nanoseconds = due.Nanoseconds - Instant.Now(_clock).Nanoseconds;
            if (nanoseconds <= 0)
            {
                return;
            }

            ms = Math.Min(SleepMsMax, (nanoseconds + 999_999) / 1_000_000);
        }

        lock (_gate)
        {
            _sleeping = true;

            // Read with a full fence after the flag is up: a waker that did not see it has set the pending mark before.
            if (Interlocked.CompareExchange(ref _wakePending, 0, 0) == 0 && !_stopping)
            {
                Monitor.Wait(_gate, (int)ms);
            }

            _sleeping = false;
        }
    }
}
