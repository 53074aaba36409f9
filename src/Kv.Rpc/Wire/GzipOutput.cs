using System.Buffers;

namespace Kv.Rpc.Wire;

/// <summary>Bytes in a rented array, given back on dispose.</summary>
internal readonly struct GzipOutput(byte[] rented, int length) : IDisposable
{
    public ReadOnlySpan<byte> Span => rented.AsSpan(0, length);

    public void Dispose() => ArrayPool<byte>.Shared.Return(rented);
}
