namespace Kv.Cluster.Tests.Faults;

/// <summary>Waiting for something that other processes bring about.</summary>
internal static class Waiting
{
    private const int IntervalMs = 20;

    public static Task UntilAsync(Func<bool> condition, TimeSpan patience, string what) =>
        UntilAsync(() => Task.FromResult(condition()), patience, what);

    public static async Task UntilAsync(Func<Task<bool>> condition, TimeSpan patience, string what)
    {
        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (!await condition())
        {
            Assert.True(Environment.TickCount64 < end, $"not within {patience.TotalSeconds} s: {what}");
            await Task.Delay(IntervalMs, TestContext.Current.CancellationToken);
        }
    }
}
