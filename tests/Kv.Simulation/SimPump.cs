using Kv.Base;

namespace Kv.Simulation;

/// <summary>
/// Drives one pump by events: woken, it turns after a drawn delay; turned, it says when it wants to turn next. A pump
/// of a crashed store never turns again.
/// </summary>
public sealed class SimPump
{
    private readonly Pump _pump;
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly string _name;
    private readonly int _delayNsMax;
    private readonly Action<Exception> _onFailure;
    private bool _scheduled;
    private bool _dead;
    private Instant _dueScheduled = Instant.Never;

    public SimPump(
        Pump pump, EventQueue events, DeterministicRandom random, string name, int delayNsMax,
        Action<Exception> onFailure)
    {
        _pump = pump;
        _events = events;
        _random = random;
        _name = name;
        _delayNsMax = delayNsMax;
        _onFailure = onFailure;
        pump.SetWake(Wake);
        Wake();
    }

    public void Kill() => _dead = true;

    private void Wake()
    {
        _events.RequireOwnThread();
        if (_scheduled || _dead)
        {
            return;
        }

        _scheduled = true;
        _events.After(1_000 + _random.Next(_delayNsMax), _name, TurnWoken);
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

        Instant due = _pump.NextDue;
        if (due != Instant.Never && due != _dueScheduled)
        {
            _dueScheduled = due;
            _events.At(due, _name, () =>
            {
                if (_dueScheduled == due)
                {
                    _dueScheduled = Instant.Never;
                }

                Turn();
            });
        }
    }
}
