namespace Kv.Rpc.Client;

/// <summary>A response with the headers and trailers that came with it.</summary>
public sealed record GrpcAnswer<TResponse>(TResponse Message, Metadata Headers, Metadata Trailers)
    where TResponse : class;
