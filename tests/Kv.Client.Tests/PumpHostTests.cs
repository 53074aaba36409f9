using Kv.Base;
using Kv.Client.Hosting;

namespace Kv.Client.Tests;

public sealed class PumpHostTests
{
    [Fact]
    public async Task Mail_FromManyThreads_IsAllHandledOneTurnAtATime()
    {
        var pump = new CountingPump();
        await using var host = new PumpHost(pump, TimeProvider.System, e => Assert.Fail(e.ToString()));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                pump.Mail.Post(1);
            }
        })));
        await pump.WhenHandled(160_000).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal(0, pump.Overlaps);
    }

    [Fact]
    public async Task Due_WithoutMail_TurnsThePumpInTime()
    {
        var pump = new CountingPump();
        await using var host = new PumpHost(pump, TimeProvider.System, e => Assert.Fail(e.ToString()));
        pump.Due = Instant.Now(TimeProvider.System).PlusMs(30);

        pump.Mail.Post(1);

        await pump.WhenDue.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Fault_InATurn_IsToldOnceAndEndsTheDriver()
    {
        var pump = new CountingPump { ThrowsOnMail = true };
        var fault = new TaskCompletionSource<Exception>();
        var host = new PumpHost(pump, TimeProvider.System, e => fault.TrySetResult(e));

        pump.Mail.Post(1);

        Exception told = await fault.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal("broken", told.Message);
        await host.DisposeAsync();
    }

    private sealed class CountingPump : Pump
    {
        private readonly TaskCompletionSource _handledAll = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _dueSeen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _inside;
        private int _handled;
        private int _awaited = int.MaxValue;

        public CountingPump() => Mail = new Mailbox<int>(this, 1_000_000);

        public Mailbox<int> Mail { get; }

        public int Overlaps { get; private set; }

        public bool ThrowsOnMail { get; init; }

        public Instant Due { get; set; } = Instant.Never;

        public Task WhenDue => _dueSeen.Task;

        public override string Name => "counting";

        public override Instant NextDue => Due;

        public Task WhenHandled(int count)
        {
            Volatile.Write(ref _awaited, count);
            Mail.Post(0);
            return _handledAll.Task;
        }

        public override bool RunOnce()
        {
            if (Interlocked.Increment(ref _inside) != 1)
            {
                Overlaps++;
            }

            List<int> mail = Mail.Drain();
            if (ThrowsOnMail && mail.Count > 0)
            {
                throw new InvalidOperationException("broken");
            }

            _handled += mail.Sum();
            if (_handled >= Volatile.Read(ref _awaited))
            {
                _handledAll.TrySetResult();
            }

            if (Instant.Now(TimeProvider.System) >= Due)
            {
                Due = Instant.Never;
                _dueSeen.TrySetResult();
            }

            Interlocked.Decrement(ref _inside);
            return mail.Count > 0;
        }
    }
}
