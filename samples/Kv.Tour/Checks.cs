using System.Globalization;

namespace Kv.Tour;

/// <summary>What the tour found, printed as it goes; one check that does not hold fails the tour.</summary>
internal sealed class Checks(TextWriter output, TimeProvider clock)
{
    private readonly long _start = clock.GetTimestamp();

    public int Held { get; private set; }

    public List<string> Broken { get; } = [];

    public void Title(string text) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"\n[{clock.GetElapsedTime(_start).TotalSeconds,5:0.0} s] {text}"));

    public void Say(string text) => output.WriteLine("    " + text);

    public void Check(bool holds, string text)
    {
        output.WriteLine((holds ? " ok " : "NOT ") + text);
        if (holds)
        {
            Held++;
        }
        else
        {
            Broken.Add(text);
        }
    }

    /// <summary>Runs <paramref name="work"/> and returns how long it took.</summary>
    public async Task<TimeSpan> TimeAsync(Func<Task> work)
    {
        long start = clock.GetTimestamp();
        await work();
        return clock.GetElapsedTime(start);
    }

    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture)
        + " s";

    public static string Rate(long count, TimeSpan time) => Count((long)(count / Math.Max(time.TotalSeconds, 0.001)))
        + "/s";

    public static string MiB(long bytes) => (bytes / 1048576.0).ToString("0.0", CultureInfo.InvariantCulture) + " MiB";
}
