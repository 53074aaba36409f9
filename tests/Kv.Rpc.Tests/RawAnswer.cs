namespace Kv.Rpc.Tests;

internal sealed record RawAnswer(
    int HttpStatus, string? GrpcStatus, string? GrpcMessage, string? AcceptEncoding, byte[] Body);
