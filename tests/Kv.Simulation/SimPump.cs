using Kv.Base;

namespace Kv.Simulation;

/// <summary>How a store's machine runs at the moment; its pumps read it before each turn.</summary>
public sealed class SimMachine
{
    /// <summary>No pump turns while true.</summary>
    public bool IsPaused { get; set; }

    /// <summary>Turns come this many times later than usual.</summary>
    public int CpuFactor { get; set; } = 1;

    /// <summary>The loops that wait for the disk come this much later.</summary>
    public long DiskDelayNs { get; set; }

    /// <summary>The disk answers nothing at all while true.</summary>
    public bool DiskIsStuck { get; set; }
}

/// <summary>
/// Drives one pump by events: woken, it turns after a drawn delay; turned, it says when it wants to turn next. A pump
/// of a crashed store never turns again.
/// </summary>
public sealed class SimPump
{
    /// <summary>However slow the CPU is, a turn comes by then.</summary>
    private const long SlowTurnNsMax = 100_000_000;

    private readonly Pump _pump;
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly string _name;
    private readonly int _delayNsMax;
    private readonly bool _usesDisk;
    private readonly SimMachine _machine;
    private readonly StoreClock? _clock;
    private readonly Action<Exception> _onFailure;
    private readonly Action _turnWoken;
    private bool _scheduled;
    private bool _held;
    private bool _dead;
    private Instant _dueScheduled = Instant.Never;

    /// <param name="pump">The shipped loop.</param>
    /// <param name="events">The world's queue.</param>
    /// <param name="random">Draws the delay of each turn.</param>
    /// <param name="name">Shown in traces.</param>
    /// <param name="delayNsMax">Longest delay between being woken and turning, on a healthy machine.</param>
    /// <param name="usesDisk">Its turns wait for the disk.</param>
    /// <param name="machine">What it runs on.</param>
    /// <param name="clock">In whose time the pump says when it is due; null = the world's.</param>
    /// <param name="onFailure">Hears of what a turn has thrown; the pump never turns again.</param>
    public SimPump(
        Pump pump, EventQueue events, DeterministicRandom random, string name, int delayNsMax, bool usesDisk,
        SimMachine machine, StoreClock? clock, Action<Exception> onFailure)
    {
        _pump = pump;
        _events = events;
        _random = random;
        _name = name;
        _delayNsMax = delayNsMax;
        _usesDisk = usesDisk;
        _machine = machine;
        _clock = clock;
        _onFailure = onFailure;
        _turnWoken = TurnWoken;
        pump.SetWake(Wake);
        Wake();
    }

    public void Kill() => _dead = true;

    /// <summary>Turns soon: the machine runs again, or its clock goes at another rate.</summary>
    public void Resume()
    {
        _held = false;
        _dueScheduled = Instant.Never;
        Wake();
    }

    /// <summary>Its thread does not run, whatever the machine does.</summary>
    public bool IsStalled { get; set; }

    private bool IsHeld => IsStalled || _machine.IsPaused || (_usesDisk && _machine.DiskIsStuck);

    private void Wake()
    {
        _events.RequireOwnThread();
        if (_scheduled || _dead)
        {
            return;
        }

        _scheduled = true;
        long delay = 1_000 + _random.Next(_delayNsMax);
        if (_machine.CpuFactor > 1)
        {
            delay = Math.Max(delay, Math.Min(delay * _machine.CpuFactor, SlowTurnNsMax));
        }

        if (_usesDisk && _machine.DiskDelayNs > 0)
        {
            delay += (long)(_random.NextDouble() * _machine.DiskDelayNs);
        }

        _events.After(delay, _name, _turnWoken);
    }

    private void TurnWoken()
    {
        _scheduled = false;
        Turn();
    }

    private void Turn()
    {
        if (_dead)
        {
            return;
        }

        if (IsHeld)
        {
            _held = true;
            return;
        }

        try
        {
            if (_pump.RunOnce() && !_pump.Holds)
            {
                Wake();
            }
        }
        catch (Exception e) when (e is not InvariantViolationException)
        {
            _dead = true;
            _onFailure(e);
            return;
        }

        ScheduleDue();
    }

    private void ScheduleDue()
    {
        Instant due = _pump.NextDue;
        if (due == Instant.Never || due == _dueScheduled)
        {
            return;
        }

        // A little later at least: by rounding, a clock that runs at another rate may come up short of what was due.
        _dueScheduled = due;
        Instant at = _clock?.ToWorld(due) ?? due;
        _events.At(Instant.Later(at, _events.Now.PlusNs(1_000)), _name, () =>
        {
            if (_dueScheduled == due)
            {
                _dueScheduled = Instant.Never;
            }

            if (!_held)
            {
                Turn();
            }
        });
    }
}
