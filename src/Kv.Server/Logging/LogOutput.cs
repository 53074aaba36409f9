// Owns the way of log lines to stderr: a bounded queue and one thread, so that a reader of stderr who stops reading
// never stops a loop. What does not fit is counted, and the count is told when there is room again.
using System.Globalization;
using System.Threading.Channels;

namespace Kv.Server.Logging;

/// <summary>Writes lines in order. Dispose writes what is waiting, with bounded patience.</summary>
internal sealed class LogOutput : IDisposable
{
    private const int LinesWaitingMax = 10_000;
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(2);

    private readonly Channel<string> _lines = Channel.CreateBounded<string>(
        new BoundedChannelOptions(LinesWaitingMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly TextWriter _writer;
    private readonly Thread _thread;
    private long _dropped;

    public LogOutput(TextWriter writer)
    {
        _writer = writer;
        _thread = new Thread(Run) { Name = "kv-logging", IsBackground = true };
        _thread.Start();
    }

    public void Write(string line)
    {
        if (!_lines.Writer.TryWrite(line))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    public void Dispose()
    {
        if (_lines.Writer.TryComplete())
        {
            _thread.Join(ClosePatience);
        }
    }

    private void Run()
    {
        ChannelReader<string> reader = _lines.Reader;
        while (WaitToRead(reader))
        {
            while (reader.TryRead(out string? line))
            {
                _writer.Write(line);
            }

            long dropped = Interlocked.Exchange(ref _dropped, 0);
            if (dropped > 0)
            {
                _writer.Write(string.Create(CultureInfo.InvariantCulture, $"{dropped} log lines were dropped\n"));
            }

            _writer.Flush();
        }
    }

    private static bool WaitToRead(ChannelReader<string> reader)
    {
        ValueTask<bool> ready = reader.WaitToReadAsync();
#pragma warning disable VSTHRD002 // This is the thread's own wait; there is no synchronisation context.
        return ready.IsCompleted ? ready.GetAwaiter().GetResult() : ready.AsTask().GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
    }
}
