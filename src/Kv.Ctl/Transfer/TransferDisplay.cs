using System.Globalization;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Kv.Ctl.Transfer;

/// <summary>
/// Shows how a transfer comes along: a bar with rate and time left on a terminal, else a line now and then.
/// </summary>
internal static class TransferDisplay
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Runs <paramref name="work"/> and shows <paramref name="counters"/> on <paramref name="output"/> while it goes
    /// on.
    /// </summary>
    public static async Task<T> RunAsync<T>(
        string title, TransferCounters counters, TextWriter output, bool isTerminal, TimeProvider clock,
        Func<Task<T>> work)
    {
        long start = clock.GetTimestamp();
        Task<T> running = work();
        if (isTerminal)
        {
            await ShowBarAsync(title, counters, output, clock, start, running);
        }
        else
        {
            while (await Task.WhenAny(running, Task.Delay(LineInterval, clock)) != running)
            {
                await output.WriteLineAsync($"{title}: {Describe(counters, clock.GetElapsedTime(start))}");
            }
        }

        return await running;
    }

    /// <summary>"1,234 keys, 3.1 MiB, 2,200 keys/s, 14.2 s".</summary>
    public static string Describe(TransferCounters counters, TimeSpan elapsed)
    {
        double seconds = Math.Max(elapsed.TotalSeconds, 0.001);
        string rate = (counters.Rows / seconds).ToString("#,0", CultureInfo.InvariantCulture);
        return $"{QuantityText.Of(counters.Rows, "key", "keys")}, {QuantityText.Bytes((ulong)counters.Bytes)}, "
            + $"{rate} keys/s, "
            + DurationText.Format(elapsed);
    }

    private static Task ShowBarAsync(
        string title, TransferCounters counters, TextWriter output, TimeProvider clock, long start, Task running) =>
        ReportPrinter.ConsoleOn(output, isTerminal: true).Progress()
            .AutoClear(enabled: true)
            .Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(),
                new RateColumn(counters, clock, start), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask(title.EscapeMarkup());
                bar.IsIndeterminate = true;
                while (!running.IsCompleted)
                {
                    await Task.WhenAny(running, Task.Delay(BarInterval, clock));
                    if (counters.PositionMax > 0)
                    {
                        bar.IsIndeterminate = false;
                        bar.MaxValue = counters.PositionMax;
                        bar.Value = counters.Position;
                    }
                }
            });

    private sealed class RateColumn(TransferCounters counters, TimeProvider clock, long start) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Spectre.Console.Text(Describe(counters, clock.GetElapsedTime(start)));
    }
}
