using Microsoft.Extensions.Logging;

namespace Kv.Server.Logging;

/// <summary>Loggers that write one line per event, as text or JSON.</summary>
internal sealed class StderrLoggerProvider(LogOutput output, LogLevel least, bool asJson, TimeProvider wallClock)
    : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void Dispose()
    {
        // The output belongs to the process and outlives the providers: the last line is written after they are gone.
    }

    private LogLevel LeastFor(string category) =>
        category.StartsWith("Microsoft.", StringComparison.Ordinal) && least < LogLevel.Warning ? LogLevel.Warning
            : least;

    private sealed class LineLogger(StderrLoggerProvider provider, string category) : ILogger
    {
        private readonly LogLevel _least = provider.LeastFor(category);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= _least && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?,
                string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                provider.Write(logLevel, category, eventId, state, formatter(state, exception), exception);
            }
        }
    }

    private void Write<TState>(
        LogLevel level, string category, EventId id, TState state, string message, Exception? exception)
    {
        DateTimeOffset at = wallClock.GetUtcNow();
        output.Write(asJson
            ? LogLine.Json(at, level, category, id, message, state as IEnumerable<KeyValuePair<string, object?>>,
                exception)
            : LogLine.Text(at, level, category, message, exception));
    }
}
