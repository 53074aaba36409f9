using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Kv.Protocol.Grpc.Health.V1;
using Kv.Protocol.Grpc.Reflection.V1;
using Kv.Rpc.Tests.Proto;
using Alpha = Kv.Protocol.Grpc.Reflection.V1Alpha;

namespace Kv.Rpc.Tests;

/// <summary>A python process with grpcio that runs one of the peer scripts.</summary>
internal sealed class PythonPeer : IDisposable
{
    private static readonly Lazy<string?> Python = new(Find);

    private readonly Process _process;

    private PythonPeer(Process process) => _process = process;

    /// <summary>Why no peer can be started; null when one can.</summary>
    public static string? Missing => Python.Value is null
        ? "no python3 here can import grpc and google.protobuf (Debian: python3-grpcio, python3-protobuf)"
        : null;

    public static async Task<PythonPeer> StartAsync(string script)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "python", script);
        Process process = Start(Python.Value!, path);
        PythonPeer peer = new(process);
        string[] descriptors =
        [
            EchoReflection.Descriptor.SerializedData.ToBase64(),
            HealthReflection.Descriptor.SerializedData.ToBase64(),
            ReflectionReflection.Descriptor.SerializedData.ToBase64(),
            Alpha.ReflectionReflection.Descriptor.SerializedData.ToBase64(),
        ];
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(descriptors));
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        return peer;
    }

    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        return await ReadLineAsync();
    }

    public async Task<string> ReadLineAsync()
    {
        using CancellationTokenSource patience =
            CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        if (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            return line;
        }

        string errors = await _process.StandardError.ReadToEndAsync(patience.Token);
        throw new InvalidOperationException($"python ended: {errors}");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static string? Find()
    {
        foreach (string candidate in new[] { "/usr/bin/python3", "python3" })
        {
            try
            {
                using Process process = Start(candidate, "-c", "import grpc, google.protobuf");
                process.StandardInput.Close();
                process.WaitForExit();
                if (process.ExitCode == 0)
                {
                    return candidate;
                }
            }
            catch (Win32Exception)
            {
                // No such program.
            }
        }

        return null;
    }

    private static Process Start(string program, params string[] arguments)
    {
        ProcessStartInfo info = new(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        // Proxies of the environment are not for loopback, and grpc says too much about forks.
        info.Environment["no_proxy"] = "*";
        info.Environment["GRPC_VERBOSITY"] = "NONE";
        info.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        return Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start");
    }
}
