using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kv.Server.Hosting;

/// <summary>Where true randomness enters the process.</summary>
internal static class RandomSeed
{
    /// <summary>Random and never 0.</summary>
    public static ulong Next()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        ulong value;
        do
        {
            RandomNumberGenerator.Fill(bytes);
            value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }
        while (value == 0);

        return value;
    }
}
