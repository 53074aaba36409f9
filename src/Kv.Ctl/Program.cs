using System.Text;
using Kv.Ctl.Data;

namespace Kv.Ctl;

internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        await using Stream outputBytes = Console.OpenStandardOutput();
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        await using var output = new StreamWriter(outputBytes, utf8) { AutoFlush = !Console.IsOutputRedirected };
        await using var error = new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true };
        var environment = new CtlEnvironment
        {
            Input = Console.OpenStandardInput(),
            OutputBytes = outputBytes,
            Output = output,
            Error = error,
            IsInputTerminal = !Console.IsInputRedirected,
            IsOutputTerminal = !Console.IsOutputRedirected,
            IsErrorTerminal = !Console.IsErrorRedirected,
            Variable = Environment.GetEnvironmentVariable,
            OpenData = ClientData.OpenAsync,
            OpenAdministration = settings => new ClientAdministration(settings),
        };
        return await CtlCommandLine.RunAsync(args, environment);
    }
}
