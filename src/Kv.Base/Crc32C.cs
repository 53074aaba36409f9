using System.Buffers.Binary;
using System.Numerics;

namespace Kv.Base;

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the usual initial value and final inversion.</summary>
public static class Crc32C
{
    /// <summary>CRC of <paramref name="data"/>; of nothing it is 0.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Extend(0, data);

    /// <summary>CRC of the bytes behind <paramref name="crc"/> followed by <paramref name="data"/>.</summary>
    public static uint Extend(uint crc, ReadOnlySpan<byte> data)
    {
        uint state = ~crc;
        while (data.Length >= sizeof(ulong))
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[sizeof(ulong)..];
        }

        foreach (byte b in data)
        {
            state = BitOperations.Crc32C(state, b);
        }

        return ~state;
    }
}
