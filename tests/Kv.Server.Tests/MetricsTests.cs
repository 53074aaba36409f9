using System.Diagnostics.Metrics;
using Kv.Server.Metrics;

namespace Kv.Server.Tests;

public class MetricsTests
{
    [Fact]
    public void Text_HasOneTypePerFamily_SortedSeries_AndEscapedLabels()
    {
        var text = new PrometheusText();
        text.Value("kv.b", "By", "bytes\nof b", isCounter: true,
            PrometheusText.Labels([new("z", 1), new("a.b", "x\"\\\n")]), 5);
        text.Value("kv.b", "By", "bytes\nof b", isCounter: true, PrometheusText.Labels([new("a.b", "a")]), 7.5);
        text.Value("kv.a", null, null, isCounter: false, "", double.PositiveInfinity);
        Assert.Equal(
            """
            # TYPE kv_a gauge
            kv_a +Inf
            # HELP kv_b_bytes_total bytes\nof b
            # TYPE kv_b_bytes_total counter
            kv_b_bytes_total{a_b="a"} 7.5
            kv_b_bytes_total{a_b="x\"\\\n",z="1"} 5

            """,
            text.ToString());
    }

    [Fact]
    public void Histogram_IsCumulative_WithSumAndCount()
    {
        var text = new PrometheusText();
        text.Histogram("kv.wait", "s", "waiting", "op=\"get\"", [0.1, 1], [2, 1, 3], 12.25);
        Assert.Equal(
            """
            # HELP kv_wait_seconds waiting
            # TYPE kv_wait_seconds histogram
            kv_wait_seconds_bucket{op="get",le="0.1"} 2
            kv_wait_seconds_bucket{op="get",le="1"} 3
            kv_wait_seconds_bucket{op="get",le="+Inf"} 6
            kv_wait_seconds_sum{op="get"} 12.25
            kv_wait_seconds_count{op="get"} 6

            """,
            text.ToString());
    }

    [Fact]
    public void Collector_KeepsCountersGaugesAndHistograms_OfOurMetersOnly()
    {
        string name = "Kv.Test" + Guid.NewGuid().ToString("N");
        using var collector = new MetricsCollector();
        using var meter = new Meter(name);
        using var foreign = new Meter("Other" + name);
        Counter<long> counter = meter.CreateCounter<long>("test.counted");
        UpDownCounter<int> level = meter.CreateUpDownCounter<int>("test.level");
        Gauge<double> gauge = meter.CreateGauge<double>("test.gauge");
        Histogram<double> histogram = meter.CreateHistogram<double>("test.time", "s");
        meter.CreateObservableCounter("test.observed", static () => 42L);
        foreign.CreateCounter<long>("test.foreign").Add(1);
        counter.Add(2, new KeyValuePair<string, object?>("kind", "a"));
        counter.Add(3, new KeyValuePair<string, object?>("kind", "a"));
        level.Add(5);
        level.Add(-2);
        gauge.Record(9);
        gauge.Record(4);
        histogram.Record(0.0001);
        histogram.Record(0.3);
        histogram.Record(99);
        string text = collector.Render();
        text = collector.Render();
        foreach (string line in new[]
        {
            "test_counted_total{kind=\"a\"} 5", "test_level 3", "test_gauge 4", "test_observed_total 42",
            "test_time_seconds_bucket{le=\"0.0001\"} 1", "test_time_seconds_bucket{le=\"0.5\"} 2",
            "test_time_seconds_bucket{le=\"+Inf\"} 3", "test_time_seconds_count 3",
        })
        {
            Assert.Contains(line + "\n", text, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("test_foreign", text, StringComparison.Ordinal);
    }
}
