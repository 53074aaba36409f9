// Owns the choice of the bit that rots in a raft log: always below what a later frame proves durable. What no later
// frame vouches for cannot be told from a torn tail (Frame law), and its loss is no defect of the store.
using System.Buffers.Binary;
using System.Globalization;
using Kv.Base;
using Kv.Testing.Files;

namespace Kv.Simulation.Faults;

internal static class BitRot
{
    // As docs/on-disk-format.md has them.
    private const uint FrameMagic = 0x5246564B;
    private const int FrameHeaderBytes = 64;
    private const int FileNumberAt = 8;
    private const int OffsetAt = 16;
    private const int DurableOffsetAt = 32;
    private const int Alignment = 8;

    /// <summary>Flips a bit of the newest segment in a folder; null when nothing there is vouched for.</summary>
    public static string? Flip(MemoryFileSystem files, string folder, DeterministicRandom random)
    {
        string? name = files.ListFiles(folder).LastOrDefault(
            static file => file.EndsWith(".log", StringComparison.Ordinal));
        if (name is null
            || !ulong.TryParse(
                name[..^4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number))
        {
            return null;
        }

        string path = Path.Combine(folder, name);
        byte[] bytes = files.Peek(path);
        long first = 0;
        long durable = 0;
        long newest = 0;
        for (int at = 0; at + FrameHeaderBytes <= bytes.Length; at += Alignment)
        {
            ReadOnlySpan<byte> frame = bytes.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(frame) == FrameMagic
                && BinaryPrimitives.ReadUInt64LittleEndian(frame[FileNumberAt..]) == number
                && BinaryPrimitives.ReadInt64LittleEndian(frame[OffsetAt..]) == at)
            {
                first = first == 0 ? at : first;
                // The newest frame may be torn, and then it vouches for nothing.
                durable = newest;
                newest = BinaryPrimitives.ReadInt64LittleEndian(frame[DurableOffsetAt..]);
            }
        }

        if (durable <= first)
        {
            return null;
        }

        long offset = first + random.Next((int)(durable - first));
        files.FlipBit(path, offset, random.Next(8));
        return string.Create(CultureInfo.InvariantCulture, $"a bit of {path} at {offset}");
    }
}
