namespace Kv.Base.Tests;

public sealed class MailboxTests
{
    [Fact]
    public void TryPost_WhenFull_RefusesAndTakesNothing()
    {
        var mailbox = new Mailbox<int>(new CountingPump(), capacityMax: 2);
        Assert.True(mailbox.TryPost(1));
        Assert.True(mailbox.TryPost(2));
        Assert.False(mailbox.TryPost(3));
        Assert.Equal(2, mailbox.Count);
        Assert.Equal([1, 2], mailbox.Drain());
        Assert.True(mailbox.TryPost(4));
        Assert.Equal([4], mailbox.Drain());
    }

    [Fact]
    public void Post_WhenFull_IsTakenAndCounts()
    {
        var mailbox = new Mailbox<int>(new CountingPump(), capacityMax: 1);
        Assert.True(mailbox.TryPost(1));
        mailbox.Post(2);
        Assert.False(mailbox.TryPost(3));
        Assert.Equal([1, 2], mailbox.Drain());
    }

    [Fact]
    public void Post_WhileThePumpHolds_WakesOnlyWhenUrgent()
    {
        var pump = new CountingPump();
        var mail = new Mailbox<int>(pump, capacityMax: 10);
        var completions = new Mailbox<int>(pump, capacityMax: 10, urgent: true);
        pump.Hold(true);
        mail.Post(1);
        Assert.True(mail.TryPost(2));
        Assert.Equal(0, pump.WakeCount);
        completions.Post(3);
        Assert.Equal(1, pump.WakeCount);

        // As a turn does it: first no longer holding, then draining.
        pump.Hold(false);
        Assert.Equal([1, 2], mail.Drain());
        mail.Post(4);
        Assert.Equal(2, pump.WakeCount);
    }

    [Fact]
    public void PostQuietly_WakesNobody_AndHidesNoLaterPost()
    {
        var pump = new CountingPump();
        var mailbox = new Mailbox<int>(pump, capacityMax: 10);
        mailbox.PostQuietly(1);
        Assert.Equal(0, pump.WakeCount);
        Assert.Equal(1, mailbox.Count);
        mailbox.Post(2);
        Assert.Equal(1, pump.WakeCount);
        mailbox.PostQuietly(3);
        mailbox.Post(4);
        Assert.Equal(1, pump.WakeCount);
        Assert.Equal([1, 2, 3, 4], mailbox.Drain());

        mailbox.PostQuietly(5);
        mailbox.WakeFor();
        Assert.Equal(2, pump.WakeCount);
        Assert.Equal([5], mailbox.Drain());
    }

    [Fact]
    public void Drain_GivesOrderAndEmpties()
    {
        var mailbox = new Mailbox<int>(new CountingPump(), capacityMax: 100);
        for (int i = 0; i < 10; i++)
        {
            mailbox.TryPost(i);
        }

        Assert.Equal(Enumerable.Range(0, 10), mailbox.Drain());
        Assert.Equal(0, mailbox.Count);
        Assert.Empty(mailbox.Drain());
    }

    /// <summary>The owner may post to itself while it works through what it drained.</summary>
    [Fact]
    public void Post_WhileTheDrainedListIsRead_LeavesThatListAlone()
    {
        var mailbox = new Mailbox<int>(new CountingPump(), capacityMax: 100);
        mailbox.TryPost(1);
        mailbox.TryPost(2);
        var seen = new List<int>();
        foreach (int item in mailbox.Drain())
        {
            mailbox.Post(item + 10);
            seen.Add(item);
        }

        Assert.Equal([1, 2], seen);
        Assert.Equal([11, 12], mailbox.Drain());
    }

    [Fact]
    public void Post_ToAnEmptyMailbox_WakesTheOwnerOnceUntilItDrains()
    {
        var pump = new CountingPump();
        var mailbox = new Mailbox<int>(pump, capacityMax: 2);
        mailbox.TryPost(1);
        mailbox.Post(2);
        mailbox.TryPost(3);
        Assert.Equal(1, pump.WakeCount);
        mailbox.Drain();
        mailbox.Post(4);
        Assert.Equal(2, pump.WakeCount);
    }

    /// <summary>
    /// Many threads post while one drains and sleeps until it is woken: everything arrives exactly once, in the order
    /// of each sender, and no wake is lost (a lost one would leave the owner asleep with mail, and the test would time
    /// out).
    /// </summary>
    [Fact(Timeout = 60_000)]
    public async Task TryPost_FromManyThreads_ArrivesOnceAndInOrder()
    {
        const int Senders = 4;
        const int PerSender = 20_000;
        using var awake = new SemaphoreSlim(0);
        var pump = new CountingPump(() => awake.Release());
        var mailbox = new Mailbox<(int Sender, int Number)>(pump, capacityMax: 64);
        CancellationToken cancel = TestContext.Current.CancellationToken;

        Task[] senders = Enumerable.Range(0, Senders).Select(sender => Task.Run(
            () =>
            {
                for (int number = 0; number < PerSender; number++)
                {
                    while (!mailbox.TryPost((sender, number)))
                    {
                        cancel.ThrowIfCancellationRequested();
                        Thread.Yield();
                    }
                }
            },
            cancel)).ToArray();

        int[] next = new int[Senders];
        int arrived = 0;
        while (arrived < Senders * PerSender)
        {
            await awake.WaitAsync(cancel);
            foreach ((int sender, int number) in mailbox.Drain())
            {
                Assert.Equal(next[sender]++, number);
                arrived++;
            }
        }

        await Task.WhenAll(senders);
        Assert.Empty(mailbox.Drain());
    }

    [Fact(Timeout = 60_000)]
    public async Task TryPost_FromManyThreadsToAFullMailbox_NeverPassesItsCapacity()
    {
        const int Capacity = 100;
        var mailbox = new Mailbox<int>(new CountingPump(), Capacity);
        int taken = 0;
        CancellationToken cancel = TestContext.Current.CancellationToken;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            () =>
            {
                for (int i = 0; i < 1_000; i++)
                {
                    if (mailbox.TryPost(i))
                    {
                        Interlocked.Increment(ref taken);
                    }
                }
            },
            cancel)));
        Assert.Equal(Capacity, taken);
        Assert.Equal(Capacity, mailbox.Drain().Count);
    }
}
