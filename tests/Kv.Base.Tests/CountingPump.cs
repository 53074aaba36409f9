namespace Kv.Base.Tests;

/// <summary>A pump without work of its own that counts how often it was woken.</summary>
internal sealed class CountingPump : Pump
{
    private int _wakeCount;

    public CountingPump(Action? onWake = null) =>
        SetWake(() =>
        {
            Interlocked.Increment(ref _wakeCount);
            onWake?.Invoke();
        });

    public override string Name => "counting";

    public int WakeCount => Volatile.Read(ref _wakeCount);

    public void Hold(bool holds) => Holds = holds;

    public override bool RunOnce() => false;
}
