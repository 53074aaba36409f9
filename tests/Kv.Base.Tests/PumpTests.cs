namespace Kv.Base.Tests;

public sealed class PumpTests
{
    [Fact]
    public void Wake_BeforeADriverIsThere_DoesNothing()
    {
        var pump = new BarePump();
        pump.Poke();
        int wakes = 0;
        pump.SetWake(() => wakes++);
        pump.Poke();
        Assert.Equal(1, wakes);
    }

    [Fact]
    public void NextDue_ByDefault_IsNever() => Assert.Equal(Instant.Never, new BarePump().NextDue);

    private sealed class BarePump : Pump
    {
        public override string Name => "bare";

        public override bool RunOnce() => false;

        public void Poke() => Wake();
    }
}
