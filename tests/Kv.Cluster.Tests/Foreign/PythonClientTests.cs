using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Kv.Client;
using Kv.Protocol.Grpc.Reflection.V1;
using Kv.Protocol.V1;

namespace Kv.Cluster.Tests.Foreign;

/// <summary>
/// A client of another language, with nothing of ours but the descriptors, on a cluster of real processes.
/// </summary>
public sealed class PythonClientTests(ITestOutputHelper output)
{
    private static readonly Lazy<string?> Python = new(FindPython);

    [Fact]
    public async Task PythonGrpc_GoodAndBadCalls_GoodOnesWorkBadOnesAreNamedAndTheClusterLives()
    {
        Assert.SkipWhen(
            Python.Value is null, "no python3 here can import grpc and google.protobuf (Debian: python3-grpcio)");
        await using TestCluster cluster = await TestCluster.StartAsync();
        IReadOnlyDictionary<string, Answer> answers = await RunAsync(cluster);

        AssertGood(answers);
        AssertGuarded(answers);
        foreach (string name in (string[])["put empty key", "get empty key", "delete empty key"])
        {
            AssertRefused(answers[name], "key is empty", "at least one byte");
        }

        AssertRefused(answers["put long key"], "key", "9216", "8192");
        AssertRefused(answers["get long key"], "key", "9216", "8192");
        AssertRefused(answers["scan long key"], "scan", "8192");
        AssertRefused(answers["put large value"], "value", "1048577", "1048576");
        AssertRefused(answers["scan backwards"], "start key", "end key");
        Assert.Equal("UNIMPLEMENTED", answers["unknown method"].Code);
        Assert.Contains("kv.v1.Kv has no such method", answers["unknown method"].Text, StringComparison.Ordinal);
        for (int i = 0; i < cluster.Stores.Count; i++)
        {
            string services = answers[$"services {i}"].Text;
            Assert.Contains("kv.v1.Kv", services, StringComparison.Ordinal);
            Assert.Contains("kv.v1.Admin", services, StringComparison.Ordinal);
            Assert.Contains("grpc.health.v1.Health", services, StringComparison.Ordinal);
        }

        Assert.All(cluster.Stores, store => Assert.True(store.IsRunning));
        await using KvClient client = await cluster.ConnectAsync();
        byte[]? value = await client.GetAsync("b"u8.ToArray(), null, TestContext.Current.CancellationToken);
        Assert.Equal("2"u8.ToArray(), value);
    }

    private static void AssertGood(IReadOnlyDictionary<string, Answer> answers)
    {
        Assert.Equal(new Answer("OK", "revision"), answers["put a"]);
        Assert.Equal(new Answer("OK", "1"), answers["get a"]);
        Assert.Equal(new Answer("OK", "a=1 b=2"), answers["scan"]);
        Assert.Equal(new Answer("OK", "b=2"), answers["scan reverse"]);
        Assert.Equal(new Answer("OK", "revision"), answers["delete a"]);
        Assert.Equal(new Answer("OK", "absent"), answers["get deleted"]);
        Assert.Equal(new Answer("OK", "revision"), answers["put largest value"]);
        Assert.Equal(new Answer("OK", "2"), answers["after all"]);
    }

    private static void AssertGuarded(IReadOnlyDictionary<string, Answer> answers)
    {
        Assert.Equal(new Answer("OK", "applied"), answers["put if absent"]);
        Assert.Equal(new Answer("OK", "condition failed 1@0"), answers["put if absent again"]);
        Assert.Equal(new Answer("OK", "applied"), answers["compare and put"]);
        Assert.Equal(new Answer("OK", "condition failed 3@0"), answers["compare and put stale"]);
        AssertRefused(answers["compare and delete absent"], "absent cannot be deleted");
        AssertRefused(answers["compare without expectation"], "what it expects");
        Assert.Equal(new Answer("OK", "applied 3@0"), answers["get and put"]);
        Assert.Equal(new Answer("OK", "applied absent@0"), answers["sequence"]);
        Assert.Equal(new Answer("OK", "applied absent@10"), answers["sequence again"]);
        AssertRefused(answers["sequence backwards"], "-1");
        Assert.Equal(new Answer("OK", "5 absent 2 5"), answers["multi-get"]);
        AssertRefused(answers["multi-get of nothing"], "0 keys");
        Assert.Equal(new Answer("OK", "True 0 bytes"), answers["exists"]);
        Assert.Equal(new Answer("OK", "applied"), answers["delete range"]);
        AssertRefused(answers["delete range backwards"], "end key");
        Assert.Equal(new Answer("OK", "absent"), answers["get after delete range"]);
    }

    private static void AssertRefused(Answer answer, params string[] words)
    {
        Assert.Equal("INVALID_ARGUMENT", answer.Code);
        Assert.All(words, word => Assert.Contains(word, answer.Text, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', answer.Text);
    }

    private async Task<IReadOnlyDictionary<string, Answer>> RunAsync(TestCluster cluster)
    {
        string script = Path.Combine(AppContext.BaseDirectory, "Foreign", "python", "kv_client.py");
        using Process process = Start(Python.Value!, [script, .. cluster.Seeds]);
        string[] descriptors =
        [
            CommonReflection.Descriptor.SerializedData.ToBase64(),
            KvReflection.Descriptor.SerializedData.ToBase64(),
            ReflectionReflection.Descriptor.SerializedData.ToBase64(),
        ];
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(descriptors));
        process.StandardInput.Close();
        var answers = new Dictionary<string, Answer>(StringComparer.Ordinal);
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            JsonElement answer = JsonDocument.Parse(line).RootElement;
            output.WriteLine(line);
            answers.Add(
                answer.GetProperty("name").GetString()!,
                new Answer(answer.GetProperty("code").GetString()!, answer.GetProperty("text").GetString()!));
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await errors);
        return answers;
    }

    private static string? FindPython()
    {
        foreach (string candidate in (string[])["/usr/bin/python3", "python3"])
        {
            try
            {
                using Process process = Start(candidate, ["-c", "import grpc, google.protobuf"]);
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

    private static Process Start(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo info = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment["no_proxy"] = "*";
        info.Environment["GRPC_VERBOSITY"] = "NONE";
        info.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        return Process.Start(info)!;
    }

    private sealed record Answer(string Code, string Text);
}
