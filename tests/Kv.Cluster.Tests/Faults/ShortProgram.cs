using System.ComponentModel;
using System.Diagnostics;

namespace Kv.Cluster.Tests.Faults;

/// <summary>Runs a program that ends by itself soon.</summary>
internal static class ShortProgram
{
    private const int CannotStart = 127;

    public static async Task<(int ExitCode, string Errors)> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            string errors = await process.StandardError.ReadToEndAsync(CancellationToken.None);
            await process.WaitForExitAsync(CancellationToken.None);
            return (process.ExitCode, errors.Trim());
        }
        catch (Win32Exception e)
        {
            return (CannotStart, e.Message);
        }
    }
}
