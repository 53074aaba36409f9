using System.Runtime.InteropServices;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Server;
using Kv.Server.Hosting;
using Kv.Server.Logging;
using Kv.Server.Options;
using Microsoft.Extensions.Logging;

Scheduling.SizePool();
ServerOptions options;
try
{
    CommandLine line = CommandLine.Parse(args);
    if (line.Help || line.Version)
    {
        Console.Out.Write(line.Help ? OptionsReader.Help() : $"kvserver {ProductVersion.Current}\n");
        return ExitCode.Stopped;
    }

    options = OptionsReader.Read(line, Environment.GetEnvironmentVariables());
}
catch (StartException e)
{
    Console.Error.WriteLine($"kvserver: {e.Message}");
    return e.ExitCode;
}

// Before anything starts a thread: threads inherit it.
Scheduling.UseBatch();
using var output = new LogOutput(Console.Error);
using var loggers = LoggerFactory.Create(builder => builder
    .SetMinimumLevel(options.LogLevel)
    .AddProvider(new StderrLoggerProvider(output, options.LogLevel, options.LogAsJson, TimeProvider.System)));
using var stop = new CancellationTokenSource();
int signals = 0;
using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
try
{
    return await ServerProcess.RunAsync(options, loggers, stop.Token);
}
catch (StartException e)
{
    loggers.CreateLogger("server").LogCritical("stopped: {Reason} (exit code {Code})", e.Message, e.ExitCode);
    return e.ExitCode;
}
catch (Exception e) when (e is StorageException or EngineException)
{
    loggers.CreateLogger("server").LogCritical("stopped: the disk failed: {Reason}", e.Message);
    return ExitCode.DiskFailed;
}

void OnSignal(PosixSignalContext context)
{
    context.Cancel = true;
    if (Interlocked.Increment(ref signals) > 1)
    {
        // Asked twice: the first stop takes too long for whoever asks.
        Environment.Exit(ExitCode.Stopped);
    }

    stop.Cancel();
}
