using System.Text.Json.Nodes;
using Kv.Rpc.Server;
using Kv.Rpc.Services;

namespace Kv.Rpc.Tests;

/// <summary>A foreign client, python's grpcio, against our server.</summary>
public sealed class PythonClientTests(PythonClientTests.Peers peers) : IClassFixture<PythonClientTests.Peers>
{
    private const string Echo = "/kv.rpc.tests.Echo/";

    [Fact]
    public async Task Unary_ARequest_BringsItsResponse()
    {
        Answer answer = await peers.CallAsync("unary_unary", "Say", [new() { ["text"] = "hällo" }]);
        Assert.Equal(("OK", "hällo"), (answer.Code, answer.Text(0)));
    }

    [Fact]
    public async Task ServerStreaming_CountAsked_BringsThatMany()
    {
        Answer answer = await peers.CallAsync("unary_stream", "Repeat", [new() { ["text"] = "x", ["count"] = 200 }]);
        Assert.Equal("OK", answer.Code);
        Assert.Equal(Enumerable.Range(0, 200), answer.Responses.Select(r => (int?)r!["index"] ?? 0));
    }

    [Fact]
    public async Task ClientStreaming_ManyRequests_BringOneResponse()
    {
        Answer answer = await peers.CallAsync(
            "stream_unary", "Collect", [new() { ["text"] = "a" }, new() { ["text"] = "b" }, new() { ["text"] = "c" }]);
        Assert.Equal(("OK", "a|b|c"), (answer.Code, answer.Text(0)));
    }

    [Fact]
    public async Task Duplex_ManyRequests_BringTheirResponsesInOrder()
    {
        Answer answer = await peers.CallAsync(
            "stream_stream", "Chat", [new() { ["text"] = "a", ["count"] = 2 }, new() { ["text"] = "b" }]);
        Assert.Equal("OK", answer.Code);
        Assert.Equal(["a", "a", "b"], answer.Responses.Select(r => (string?)r!["text"]));
    }

    [Fact]
    public async Task Gzip_BothWays_CarriesLargeMessages()
    {
        JsonObject request = new() { ["payload"] = Convert.ToBase64String(new byte[200_000]), ["compress"] = true };
        Answer answer = await peers.CallAsync("unary_unary", "Say", [request], c => c["gzip"] = true);
        Assert.Equal(("OK", "200000"), (answer.Code, (string?)answer.Responses[0]!["payload"]));
    }

    [Fact]
    public async Task Deadline_Passes_IsDeadlineExceeded()
    {
        JsonObject request = new() { ["hang"] = true };
        Answer answer = await peers.CallAsync("unary_unary", "Say", [request], c => c["timeout"] = 0.2);
        Assert.Equal("DEADLINE_EXCEEDED", answer.Code);
    }

    [Fact]
    public async Task Cancel_ByTheClient_IsCancelledAndTheHandlerToo()
    {
        int before = peers.Server.Echo.CallsCancelled;
        JsonObject request = new() { ["count"] = 2, ["hang"] = true };
        Answer answer = await peers.CallAsync("unary_stream", "Repeat", [request], c => c["cancel_after"] = 2);
        Assert.Equal("CANCELLED", answer.Code);
        for (int i = 0; i < 400 && peers.Server.Echo.CallsCancelled == before; i++)
        {
            await Task.Delay(25, TestContext.Current.CancellationToken);
        }

        Assert.True(peers.Server.Echo.CallsCancelled > before);
    }

    [Fact]
    public async Task Duplex_EndedByTheServerWhileRequestsAreOpen_BringsTheStatus()
    {
        JsonObject request = new() { ["fail_code"] = (int)StatusCode.FailedPrecondition, ["text"] = "no more" };
        Answer answer = await peers.CallAsync("stream_stream", "Chat", [request], c => c["keep_open"] = 0.5);
        Assert.Equal(("FAILED_PRECONDITION", "no more"), (answer.Code, answer.Details));
    }

    [Theory]
    [InlineData(Echo + "Shout")]
    [InlineData("/kv.rpc.tests.Nobody/Say")]
    public async Task Path_Unknown_IsUnimplemented(string path)
    {
        Answer answer = await peers.CallAsync("unary_unary", "Say", [[]], c => c["path"] = path);
        Assert.Equal("UNIMPLEMENTED", answer.Code);
    }

    [Fact]
    public async Task Message_OverTheServersLimit_IsResourceExhausted()
    {
        JsonObject request = new() { ["payload"] = Convert.ToBase64String(new byte[5 * 1024 * 1024]) };
        Assert.Equal("RESOURCE_EXHAUSTED", (await peers.CallAsync("unary_unary", "Say", [request])).Code);
    }

    [Fact]
    public async Task Message_AtTheLimit_Passes()
    {
        JsonObject request = new() { ["payload"] = Convert.ToBase64String(new byte[(4 * 1024 * 1024) - 16]) };
        Assert.Equal("OK", (await peers.CallAsync("unary_unary", "Say", [request])).Code);
    }

    [Fact]
    public async Task Response_OverTheClientsLimit_IsResourceExhausted()
    {
        JsonObject options = new() { ["grpc.max_receive_message_length"] = 1000 };
        Answer answer = await peers.CallAsync(
            "unary_unary", "Say", [new() { ["response_bytes"] = 5000 }], c => c["options"] = options);
        Assert.Equal("RESOURCE_EXHAUSTED", answer.Code);
    }

    [Fact]
    public async Task Metadata_TextAndBytes_ComeBackInHeadersAndTrailers()
    {
        JsonObject request = new() { ["mirror_metadata"] = true };
        JsonArray sent = [new JsonArray("x-text", "some text"), new JsonArray("x-blob-bin", "AAH//g==")];
        Answer answer = await peers.CallAsync("unary_unary", "Say", [request], c => c["metadata"] = sent);
        Assert.Equal("OK", answer.Code);
        foreach (JsonArray metadata in new[] { answer.Initial, answer.Trailing })
        {
            string all = metadata.ToJsonString();
            Assert.Contains("[\"x-text\",\"some text\"]", all, StringComparison.Ordinal);
            Assert.Contains(metadata, pair => (string?)pair![0] == "x-blob-bin" && (string?)pair[1] == "AAH//g==");
        }
    }

    [Fact]
    public async Task Status_EveryCode_ArrivesWithItsText()
    {
        for (int code = 1; code <= 16; code++)
        {
            JsonObject request = new() { ["fail_code"] = code, ["text"] = "why é %" };
            Answer answer = await peers.CallAsync("unary_unary", "Say", [request]);
            string name = ((StatusCode)code).ToString();
            Assert.Equal(name, answer.Code.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
            Assert.Equal("why é %", answer.Details);
        }
    }

    [Fact]
    public async Task Handler_Crashes_IsUnknownWithoutItsText()
    {
        Answer answer = await peers.CallAsync("unary_unary", "Say", [new() { ["crash"] = true }]);
        Assert.Equal("UNKNOWN", answer.Code);
        Assert.DoesNotContain("secret", answer.Details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_CheckAndWatch_AreUnderstood()
    {
        static void Types(JsonObject command, string method)
        {
            command["path"] = $"/grpc.health.v1.Health/{method}";
            command["request_type"] = "grpc.health.v1.HealthCheckRequest";
            command["response_type"] = "grpc.health.v1.HealthCheckResponse";
        }

        Answer answer = await peers.CallAsync("unary_unary", "", [[]], c => Types(c, "Check"));
        Assert.Equal(("OK", "SERVING"), (answer.Code, (string?)answer.Responses[0]!["status"]));
        answer = await peers.CallAsync("unary_unary", "", [new() { ["service"] = "nobody" }], c => Types(c, "Check"));
        Assert.Equal("NOT_FOUND", answer.Code);
        answer = await peers.CallAsync("unary_stream", "", [[]], c =>
        {
            Types(c, "Watch");
            c["cancel_after"] = 1;
        });
        Assert.Equal(("CANCELLED", "SERVING"), (answer.Code, (string?)answer.Responses[0]!["status"]));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v1alpha")]
    public async Task Reflection_OfBothVersions_IsUnderstood(string version)
    {
        string package = $"grpc.reflection.{version}.";
        JsonObject[] requests =
        [
            new() { ["list_services"] = "" }, new() { ["file_containing_symbol"] = "kv.rpc.tests.Echo" },
        ];
        Answer answer = await peers.CallAsync("stream_stream", "", requests, c =>
        {
            c["path"] = $"/{package}ServerReflection/ServerReflectionInfo";
            c["request_type"] = package + "ServerReflectionRequest";
            c["response_type"] = package + "ServerReflectionResponse";
        });
        Assert.Equal(("OK", 2), (answer.Code, answer.Responses.Count));
        Assert.Contains("kv.rpc.tests.Echo", answer.Responses[0]!.ToJsonString(), StringComparison.Ordinal);
        JsonNode file = answer.Responses[1]!["file_descriptor_response"]!["file_descriptor_proto"]![0]!;
        Assert.Equal(Proto.EchoReflection.Descriptor.SerializedData.ToBase64(), (string?)file);
    }

    [Fact]
    public async Task Tls_WithCertificatesOnBothSides_IsServedAndWithoutRefused()
    {
        using TestCertificates certificates = new();
        var own = certificates.Server();
        var client = certificates.Client();
        GrpcPortTls tls = new() { Certificate = () => own, ClientRoots = certificates.Roots };
        await using EchoServer server = await EchoServer.StartAsync(tls: tls);
        void Secure(JsonObject command)
        {
            command["target"] = server.EndPoint.ToString();
            command["roots"] = certificates.Root.ExportCertificatePem();
        }

        Answer answer = await peers.CallAsync("unary_unary", "Say", [new() { ["text"] = "safe" }], c =>
        {
            Secure(c);
            c["certificate"] = client.ExportCertificatePem();
            c["key"] = TestCertificates.KeyPem(client);
        });
        Assert.Equal(("OK", "safe"), (answer.Code, answer.Responses.Count == 0 ? answer.Details : answer.Text(0)));
        answer = await peers.CallAsync("unary_unary", "Say", [[]], Secure);
        Assert.Equal("UNAVAILABLE", answer.Code);
    }

    internal sealed record Answer(
        string Code, string Details, JsonArray Responses, JsonArray Initial, JsonArray Trailing)
    {
        public string? Text(int index) => (string?)Responses[index]!["text"];
    }

    /// <summary>One python process and one server for the whole class.</summary>
    public sealed class Peers : IAsyncLifetime
    {
        private PythonPeer? _python;
        private EchoServer? _server;

        internal EchoServer Server => _server!;

        public async ValueTask InitializeAsync()
        {
            HealthService health = new();
            health.Set("", isServing: true);
            GrpcServiceBinding binding = health.Bind();
            _server = await EchoServer.StartAsync(
                more: [binding, .. ReflectionService.Bind([new EchoService().Bind(), binding])]);
            if (PythonPeer.Missing is not null)
            {
                return;
            }

            _python = await PythonPeer.StartAsync("peer_client.py");
            Assert.Equal("ready", await _python.ReadLineAsync());
        }

        public async ValueTask DisposeAsync()
        {
            _python?.Dispose();
            if (_server is not null)
            {
                await _server.DisposeAsync();
            }
        }

        internal async Task<Answer> CallAsync(
            string kind, string method, JsonObject[] requests, Action<JsonObject>? adjust = null)
        {
            Assert.SkipWhen(_python is null, PythonPeer.Missing ?? "");
            JsonObject command = new()
            {
                ["target"] = Server.EndPoint.ToString(),
                ["kind"] = kind,
                ["path"] = Echo + method,
                ["request_type"] = "kv.rpc.tests.EchoRequest",
                ["response_type"] = "kv.rpc.tests.EchoResponse",
                ["requests"] = new JsonArray([.. requests]),
            };
            adjust?.Invoke(command);
            JsonObject answer = JsonNode.Parse(await _python.AskAsync(command.ToJsonString()))!.AsObject();
            string code = (string)answer["code"]!;
            Assert.True(code != "PYTHON", (string?)answer["details"]);
            return new Answer(
                code,
                (string)answer["details"]!,
                answer["responses"]!.AsArray(),
                answer["initial"]!.AsArray(),
                answer["trailing"]!.AsArray());
        }
    }
}
