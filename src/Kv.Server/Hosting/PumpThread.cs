// Owns the thread that drives one pump. It sleeps without spinning until mail comes or the pump's own due time; a wake
// that comes while the pump runs is never lost: it is a permit, and the next sleep ends at once.
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

    // Never freed: a late wake may come from any thread, and there is one per loop of the process.
    private readonly Parker _parker = new();
    private volatile bool _stopping;
    private bool _started;

    /// <param name="pump">Driven by this thread alone.</param>
    /// <param name="clock">For due times.</param>
    /// <param name="onFailure">Called on the thread when a turn throws; the pump is not run again.</param>
    public PumpThread(Pump pump, TimeProvider clock, Action<Pump, Exception> onFailure)
    {
        _pump = pump;
        _clock = clock;
        _onFailure = onFailure;
        _thread = new Thread(Run) { Name = $"kv-{pump.Name}", IsBackground = true };
        pump.SetWake(_parker.Unpark);
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
        _parker.Unpark();
        lock (_startStop)
        {
            return !_started || Thread.CurrentThread == _thread || _thread.Join(timeout);
        }
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
            {
                if (!_pump.RunOnce() || _pump.Holds)
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

        _parker.Park(ms);
    }
}
