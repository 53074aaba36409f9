using System.Collections.Concurrent;
using Kv.Base;
using Kv.Server.Hosting;

namespace Kv.Server.Tests;

public class PumpThreadTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void MailFromManyThreads_IsAllHandled_AndNoWakeIsLost()
    {
        var pump = new CountingPump();
        var thread = new PumpThread(pump, BootTimeProvider.Instance, static (_, e) => Assert.Fail(e.ToString()));
        thread.Start();
        for (int round = 0; round < 2_000; round++)
        {
            pump.Post();
            Assert.True(pump.Handled.TryTake(out _, Patience), "a wake was lost");
        }

        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                pump.Post();
            }
        });
        for (int i = 0; i < 8_000; i++)
        {
            Assert.True(pump.Handled.TryTake(out _, Patience), "mail was lost");
        }

        Assert.True(thread.Stop(Patience));
    }

    [Fact]
    public void DueTime_RunsThePump_WithoutMail_AndWithoutSpinning()
    {
        var pump = new CountingPump { Due = Instant.Now(BootTimeProvider.Instance).PlusMs(50) };
        var thread = new PumpThread(pump, BootTimeProvider.Instance, static (_, e) => Assert.Fail(e.ToString()));
        thread.Start();
        Assert.True(pump.DueSeen.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.True(thread.Stop(Patience));
        Assert.InRange(pump.Turns, 1, 20);
    }

    [Fact]
    public void PumpThatHolds_Sleeps_ThoughItsTurnsDoWork_AndItsMailIsHandledWhenItIsDue()
    {
        var pump = new CountingPump { HoldsFor = Instant.Now(BootTimeProvider.Instance).PlusMs(100) };
        var thread = new PumpThread(pump, BootTimeProvider.Instance, static (_, e) => Assert.Fail(e.ToString()));
        pump.Post();
        thread.Start();
        Assert.True(pump.Handled.TryTake(out _, Patience));
        pump.Post();
        Assert.True(pump.Handled.TryTake(out _, Patience), "mail stayed lying when the pump held no more");
        while (Instant.Now(BootTimeProvider.Instance) < pump.HoldsFor)
        {
            Thread.Sleep(5);
        }

        Assert.True(thread.Stop(Patience));
        Assert.InRange(pump.Turns, 2, 20);
    }

    [Fact]
    public void Parker_PermitGivenBefore_EndsTheNextSleepAtOnce_AndOnlyThat()
    {
        var parker = new Parker();
        parker.Unpark();
        parker.Unpark();
        Instant began = Instant.Now(BootTimeProvider.Instance);
        parker.Park(60_000);
        Assert.InRange(Instant.Now(BootTimeProvider.Instance).MsSince(began), 0, 20_000);
        began = Instant.Now(BootTimeProvider.Instance);
        parker.Park(50);
        Assert.True(Instant.Now(BootTimeProvider.Instance).MsSince(began) >= 49);
    }

    [Fact]
    public void BatchClass_IsTakenOnce_AndLeftAloneThen()
    {
        bool first = false;
        bool second = true;
        var thread = new Thread(() =>
        {
            first = Scheduling.UseBatch();
            second = Scheduling.UseBatch();
        });
        thread.Start();
        Assert.True(thread.Join(Patience));
        Assert.True(first);
        Assert.False(second);
    }

    [Fact]
    public void TurnThatThrows_IsToldOnce_WithThePump()
    {
        var pump = new CountingPump { Throws = true };
        using var told = new BlockingCollection<(Pump, Exception)>();
        var thread = new PumpThread(pump, BootTimeProvider.Instance, (p, e) => told.Add((p, e)));
        thread.Start();
        Assert.True(told.TryTake(out (Pump Pump, Exception Error) item, Patience));
        Assert.Same(pump, item.Pump);
        Assert.Equal("no more", item.Error.Message);
        pump.Post();
        Assert.True(thread.Stop(Patience));
        Assert.Equal(1, pump.Turns);
    }

    [Fact]
    public void BootClock_NeverGoesBack_AndRunsAtTheSystemsPace()
    {
        Instant first = Instant.Now(BootTimeProvider.Instance);
        Instant last = first;
        long start = Environment.TickCount64;
        while (Environment.TickCount64 - start < 100)
        {
            Instant now = Instant.Now(BootTimeProvider.Instance);
            Assert.True(now >= last);
            last = now;
        }

        Assert.InRange(Instant.Now(BootTimeProvider.Instance).MsSince(first), 80, 5_000);
    }

    private sealed class CountingPump : Pump
    {
        private readonly Mailbox<int> _mailbox;

        public CountingPump()
        {
            _mailbox = new Mailbox<int>(this, 100_000);
        }

        public BlockingCollection<int> Handled { get; } = [];

        public ManualResetEventSlim DueSeen { get; } = new();

        public Instant Due { get; set; } = Instant.Never;

        public bool Throws { get; init; }

        public Instant HoldsFor { get; init; } = Instant.Zero;

        public int Turns { get; private set; }

        public override string Name => "counting";

        public override Instant NextDue => Holds && HoldsFor < Due ? HoldsFor : Due;

        public void Post() => _mailbox.Post(1);

        public override bool RunOnce()
        {
            Turns++;
            if (Throws)
            {
                throw new InvalidOperationException("no more");
            }

            if (Instant.Now(BootTimeProvider.Instance) >= Due)
            {
                Due = Instant.Never;
                DueSeen.Set();
            }

            Holds = Instant.Now(BootTimeProvider.Instance) < HoldsFor;
            List<int> mail = _mailbox.Drain();
            foreach (int item in mail)
            {
                Handled.Add(item);
            }

            // A pump that holds and says it has more to do would turn without end, were it not let to sleep.
            return mail.Count > 0 || Holds;
        }
    }
}
