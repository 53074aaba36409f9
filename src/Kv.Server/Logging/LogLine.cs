using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Logging;

/// <summary>
/// Makes one line of one event. Line breaks and control bytes in values never reach the output as such.
/// </summary>
internal static class LogLine
{
    public static string Text(
        DateTimeOffset at, LogLevel level, string category, string message, Exception? exception)
    {
        var line = new StringBuilder(160);
        line.Append(at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        line.Append(' ').Append(Name(level)).Append(' ').Append(ShortName(category)).Append(": ");
        AppendSafe(line, message);
        if (exception is not null)
        {
            line.Append(" | ");
            AppendSafe(line, level >= LogLevel.Error ? exception.ToString() : exception.Message);
        }

        return line.Append('\n').ToString();
    }

    public static string Json(
        DateTimeOffset at,
        LogLevel level,
        string category,
        EventId id,
        string message,
        IEnumerable<KeyValuePair<string, object?>>? values,
        Exception? exception)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("time", at.UtcDateTime);
            json.WriteString("level", Name(level));
            json.WriteString("source", ShortName(category));
            if (id.Id != 0)
            {
                json.WriteNumber("event", id.Id);
            }

            json.WriteString("message", message);
            foreach ((string key, object? value) in values ?? [])
            {
                if (key != "{OriginalFormat}")
                {
                    json.WriteString(key, Convert.ToString(value, CultureInfo.InvariantCulture));
                }
            }

            if (exception is not null)
            {
                json.WriteString("exception", exception.ToString());
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length) + "\n";
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    private static string ShortName(string category) => category[(category.LastIndexOf('.') + 1)..].ToLowerInvariant();

    private static void AppendSafe(StringBuilder line, string text)
    {
        foreach (char c in text)
        {
            if (c is '\n')
            {
                line.Append(" / ");
            }
            else if (char.IsControl(c))
            {
                line.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            }
            else
            {
                line.Append(c);
            }
        }
    }
}
