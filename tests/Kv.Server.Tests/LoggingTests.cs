using System.Text.Json;
using Kv.Server.Logging;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Tests;

public class LoggingTests
{
    private static readonly DateTimeOffset At = new(2026, 7, 1, 12, 30, 15, 250, TimeSpan.Zero);

    [Fact]
    public void Text_IsOneLine_WhateverIsInIt()
    {
        string line = LogLine.Text(
            At, LogLevel.Warning, "Kv.Store", "a\nb\u001b[31m", new InvalidOperationException("x\ny"));
        Assert.Equal("2026-07-01T12:30:15.250Z warn store: a / b\\x1b[31m | x / y\n", line);
    }

    [Fact]
    public void Json_IsOneObjectPerLine_WithTheValues()
    {
        string line = LogLine.Json(
            At, LogLevel.Error, "store", new EventId(7), "region 5 stopped", [new("Region", 5UL)], exception: null);
        Assert.EndsWith("}\n", line, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(line).RootElement;
        Assert.Equal("error", json.GetProperty("level").GetString());
        Assert.Equal("5", json.GetProperty("Region").GetString());
        Assert.Equal(7, json.GetProperty("event").GetInt32());
    }

    [Fact]
    public void Output_WritesInOrder_AndADisposeWritesTheRest()
    {
        var writer = new StringWriter();
        using (var output = new LogOutput(writer))
        {
            for (int i = 0; i < 1_000; i++)
            {
                output.Write($"{i}\n");
            }
        }

        Assert.Equal(Enumerable.Range(0, 1_000).Select(static i => $"{i}"), writer.ToString().Split('\n')[..^1]);
    }

    [Fact]
    public void Provider_KeepsTheLevel_AndQuietsTheFramework()
    {
        var writer = new StringWriter();
        using (var output = new LogOutput(writer))
        using (var provider =
            new StderrLoggerProvider(output, LogLevel.Information, asJson: false, TimeProvider.System))
        {
            provider.CreateLogger("store").LogDebug("not this");
            provider.CreateLogger("Microsoft.AspNetCore").LogInformation("nor this");
            provider.CreateLogger("Kv.Store").LogInformation("this {What}", "one");
        }

        Assert.EndsWith(" info store: this one\n", writer.ToString(), StringComparison.Ordinal);
        Assert.Single(writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
