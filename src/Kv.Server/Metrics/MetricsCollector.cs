// Owns the running values of all instruments of this process whose meter starts with "Kv." or is one of .NET's own
// named here.
// Recording takes one lock per instrument; nothing on a store's hot path records per request.
using System.Diagnostics.Metrics;

namespace Kv.Server.Metrics;

/// <summary>Listens to meters and renders what they hold.</summary>
internal sealed class MetricsCollector : IDisposable
{
    /// <summary>
    /// Most series of one instrument; further label sets are dropped, so that labels cannot eat the memory.
    /// </summary>
    private const int SeriesMax = 2_000;

    private static readonly double[] Bounds =
        [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private static readonly string[] RuntimeMeters = ["System.Runtime", "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<Instrument, Dictionary<string, Series>> _instruments = [];

    public MetricsCollector()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            string meter = instrument.Meter.Name;
            if (meter.StartsWith("Kv.", StringComparison.Ordinal)
                || RuntimeMeters.Contains(meter, StringComparer.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<byte>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<short>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<float>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<decimal>((i, value, tags, _) => Record(i, (double)value, tags));
        _listener.Start();
    }

    public string Render()
    {
        _listener.RecordObservableInstruments();
        var text = new PrometheusText();
        lock (_lock)
        {
            foreach ((Instrument instrument, Dictionary<string, Series> all) in _instruments)
            {
                bool isHistogram = IsHistogram(instrument);
                foreach ((string labels, Series series) in all.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
                {
                    if (isHistogram)
                    {
                        text.Histogram(
                            instrument.Name, instrument.Unit, instrument.Description, labels, Bounds, series.Counts!,
                                series.Value);
                    }
                    else
                    {
                        text.Value(
                            instrument.Name, instrument.Unit, instrument.Description, IsCounter(instrument), labels,
                                series.Value);
                    }
                }
            }
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = PrometheusText.Labels(tags);
        lock (_lock)
        {
            if (!_instruments.TryGetValue(instrument, out Dictionary<string, Series>? all))
            {
                _instruments[instrument] = all = new Dictionary<string, Series>(StringComparer.Ordinal);
            }

            if (!all.TryGetValue(labels, out Series? series))
            {
                if (all.Count >= SeriesMax)
                {
                    return;
                }

                all[labels] = series = new Series(IsHistogram(instrument) ? new long[Bounds.Length + 1] : null);
            }

            series.Record(value, adds: !instrument.IsObservable && !IsGauge(instrument));
        }
    }

    private static bool IsHistogram(Instrument instrument) =>
        KindOf(instrument).StartsWith("Histogram", StringComparison.Ordinal);

    private static bool IsGauge(Instrument instrument) =>
        KindOf(instrument).StartsWith("Gauge", StringComparison.Ordinal);

    private static bool IsCounter(Instrument instrument) =>
        KindOf(instrument).StartsWith("Counter", StringComparison.Ordinal)
        || KindOf(instrument).StartsWith("ObservableCounter", StringComparison.Ordinal);

    private static string KindOf(Instrument instrument) => instrument.GetType().Name;

    private sealed class Series(long[]? counts)
    {
        public long[]? Counts { get; } = counts;

        public double Value { get; private set; }

        public void Record(double value, bool adds)
        {
            Value = adds ? Value + value : value;
            if (Counts is not null)
            {
                int bucket = Array.BinarySearch(Bounds, value);
                Counts[bucket >= 0 ? bucket : ~bucket]++;
            }
        }
    }
}
