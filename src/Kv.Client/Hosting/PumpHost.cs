// Owns the driving of a pump on the thread pool: one turn at a time, woken by mail or by a timer for what is due.
// Invariant: at most one thread turns the pump; between two turns the state word orders what they wrote.
using Kv.Base;

namespace Kv.Client.Hosting;

internal sealed class PumpHost : IThreadPoolWorkItem, IAsyncDisposable
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int WokenWhileRunning = 2;
    private const int Stopped = 3;

    private readonly Pump _pump;
    private readonly TimeProvider _clock;
    private readonly Action<Exception> _onFault;
    private readonly ITimer _timer;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Instant _timerDue = Instant.Never;
    private int _stopAsked;

    // Set by the timer's thread, cleared by the turn.
    private int _timerFired;

    // Moved by any thread, with interlocked operations only.
    private int _state;

    /// <summary>Drives <paramref name="pump"/> until disposed. <paramref name="onFault"/> is told once when a turn
    /// throws; no turn follows.</summary>
    public PumpHost(Pump pump, TimeProvider clock, Action<Exception> onFault)
    {
        _pump = pump;
        _clock = clock;
        _onFault = onFault;
        _timer = clock.CreateTimer(
            static host => ((PumpHost)host!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        pump.SetWake(Wake);
    }

    public async ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref _stopAsked, 1);
        Wake();
        await _stopped.Task.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            Interlocked.CompareExchange(ref _state, Running, WokenWhileRunning);
            try
            {
                while (_pump.RunOnce() && !_pump.Holds)
                {
                }

                SetTimer();
            }
            catch (Exception e)
            {
                Stop();
                _onFault(e);
                return;
            }

            if (Volatile.Read(ref _stopAsked) == 1)
            {
                Stop();
                return;
            }
        }
        while (Interlocked.CompareExchange(ref _state, Idle, Running) == WokenWhileRunning);
    }

    private void Wake()
    {
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if (state is WokenWhileRunning or Stopped)
            {
                return;
            }

            int next = state == Idle ? Running : WokenWhileRunning;
            if (Interlocked.CompareExchange(ref _state, next, state) == state)
            {
                if (state == Idle)
                {
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                }

                return;
            }
        }
    }

    private void OnTimer()
    {
        Volatile.Write(ref _timerFired, 1);
        Wake();
    }

    private void SetTimer()
    {
        Instant due = _pump.NextDue;

        // A timer runs by a coarser clock than the pump and may fire early: what is still due then needs it again.
        bool fired = Interlocked.Exchange(ref _timerFired, 0) == 1;
        if (due == _timerDue && !fired)
        {
            return;
        }

        _timerDue = due;
        if (due == Instant.Never)
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }

        long ns = Math.Max(0, due.Nanoseconds - Instant.Now(_clock).Nanoseconds);
        // Rounded up: a timer that fires early would find nothing due.
        _timer.Change(TimeSpan.FromMilliseconds((ns / 1_000_000) + 1), Timeout.InfiniteTimeSpan);
    }

    private void Stop()
    {
        Interlocked.Exchange(ref _state, Stopped);
        _stopped.TrySetResult();
    }
}
