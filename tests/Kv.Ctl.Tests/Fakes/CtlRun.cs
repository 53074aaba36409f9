using System.Text;
using Kv.Ctl.Data;

namespace Kv.Ctl.Tests.Fakes;

/// <summary>Runs whole kvctl commands in memory.</summary>
internal sealed class CtlRun
{
    public MemoryData Data { get; } = new();

    public MadeUpAdministration Administration { get; } = new();

    public Dictionary<string, string> Variables { get; } = [];

    public byte[] Input { get; set; } = [];

    public bool IsOutputTerminal { get; set; }

    /// <summary>The connection that the last command asked for.</summary>
    public ConnectionSettings? Connection { get; private set; }

    public async Task<CtlResult> RunAsync(params string[] args)
    {
        using var outputBytes = new MemoryStream();
        await using var output = new StreamWriter(outputBytes, new UTF8Encoding(false));
        using var error = new StringWriter();
        var environment = new CtlEnvironment
        {
            Input = new MemoryStream(Input),
            OutputBytes = outputBytes,
            Output = output,
            Error = error,
            IsOutputTerminal = IsOutputTerminal,
            Variable = name => Variables.GetValueOrDefault(name),
            OpenData = (settings, _) =>
            {
                Connection = settings;
                return ValueTask.FromResult<IKvData>(Data);
            },
            OpenAdministration = settings =>
            {
                Connection = settings;
                return Administration;
            },
        };
        int exitCode = await CtlCommandLine.RunAsync(args, environment, TestContext.Current.CancellationToken);
        await output.FlushAsync(TestContext.Current.CancellationToken);
        return new CtlResult(exitCode, outputBytes.ToArray(), error.ToString());
    }
}

internal sealed record CtlResult(int ExitCode, byte[] OutputBytes, string Error)
{
    public string Output => Encoding.UTF8.GetString(OutputBytes);

    /// <summary>
    /// Asserts that the command failed so, with one line on stderr that holds all <paramref name="parts"/>.
    /// </summary>
    public void FailedWith(int exitCode, params string[] parts)
    {
        Assert.Equal(exitCode, ExitCode);
        string[] lines = Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string line = Assert.Single(lines);
        Assert.StartsWith("kvctl: ", line, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, line, StringComparison.Ordinal));
    }
}
