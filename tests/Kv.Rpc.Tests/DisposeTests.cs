using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>
/// A call that is disposed while it is used: its user gets an <see cref="RpcException"/> and nothing else.
/// </summary>
public sealed class DisposeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dispose_WhileAReadIsUnderWay_EndsTheReadAsCancelled()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        Client.GrpcChannel channel = server.Channel();
        for (int i = 0; i < 50; i++)
        {
            using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
            await call.Requests.WriteAsync(new EchoRequest { Text = "first" }, Token);
            Assert.NotNull(await call.Responses.ReadAsync(Token));
            Task<EchoResponse?> read = call.Responses.ReadAsync(Token).AsTask();

            call.Dispose();

            RpcException failure = await Assert.ThrowsAsync<RpcException>(() => read);
            Assert.Equal(StatusCode.Cancelled, failure.StatusCode);
        }
    }
}
