using System.CommandLine;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

/// <summary>What a running command has at hand.</summary>
internal sealed record CommandContext(
    CtlEnvironment Environment, ParseResult Parsed, ConnectionSettings Connection, OutputFormat Format)
{
    public ValueTask<IKvData> OpenDataAsync(CancellationToken cancellationToken) =>
        Environment.OpenData(Connection, cancellationToken);

    public IKvAdministration OpenAdministration() => Environment.OpenAdministration(Connection);

    public void Print(Report report) =>
        ReportPrinter.Print(report, Format, Environment.Output, Environment.IsOutputTerminal);
}
