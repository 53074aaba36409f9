using Kv.Client;

namespace Kv.Cluster.Tests;

/// <summary>Asks again and again until something holds; tells the last answer when patience ends.</summary>
internal static class WaitUntil
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="ask">Null = it holds; else what is missing. Failures of the cluster count as missing.</param>
    /// <param name="more">What to tell besides when it never holds.</param>
    public static async Task TrueAsync(Func<Task<string?>> ask, Func<string>? more = null)
    {
        string last = "";
        for (long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds; Environment.TickCount64 < end;)
        {
            try
            {
                if (await ask() is not { } missing)
                {
                    return;
                }

                last = missing;
            }
            catch (Exception cause) when (cause is KvException or HttpRequestException or IOException)
            {
                last = cause.Message;
            }

            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"not within {Patience.TotalSeconds} s: {last}\n{more?.Invoke()}");
    }
}
