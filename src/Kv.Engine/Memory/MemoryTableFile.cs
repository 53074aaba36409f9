// Owns the format of the memory engine's table files: a header, the range tombstones and keys as records, and a trailer
// with their count and the CRC-32C of all before it. Read as a whole and checked before anything is applied.
//
//   header   "KVMT", version (u32)
//   record   kind (1 put, 3 range), key or start, value or end; both with LEB128 lengths
//   trailer  kind 0, records (u64), CRC-32C (u32)
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Memory;

internal static class MemoryTableFile
{
    internal const uint FormatVersion = 1;
    internal const byte TrailerKind = 0;

    internal static ReadOnlySpan<byte> Magic => "KVMT"u8;

    /// <summary>
    /// The writes of the table, tombstones first. Throws <see cref="EngineException"/> naming the file.
    /// </summary>
    internal static List<MemoryWrite> Read(IFileSystem files, ColumnFamily family, string path)
    {
        try
        {
            using IFile file = files.Open(path, create: false);
            if (file.Length > Array.MaxLength)
            {
                throw new MalformedDataException($"{file.Length} bytes are more than a table may have");
            }

            byte[] bytes = new byte[file.Length];
            if (file.ReadAt(0, bytes) != bytes.Length)
            {
                throw new MalformedDataException("the file ended while it was read");
            }

            return Parse(bytes, family);
        }
        catch (MalformedDataException e)
        {
            throw new EngineException($"engine table ingest failed: {path} is damaged or no table: {e.Message}", e);
        }
        catch (StorageException e)
        {
            throw new EngineException($"engine table ingest failed: {e.Message}", e);
        }
    }

    private static List<MemoryWrite> Parse(ReadOnlySpan<byte> bytes, ColumnFamily family)
    {
        if (bytes.Length < sizeof(uint))
        {
            throw new MalformedDataException("too short");
        }

        uint crc = Crc32C.Compute(bytes[..^sizeof(uint)]);
        if (crc != new SpanReader(bytes[^sizeof(uint)..]).ReadUInt32())
        {
            throw new MalformedDataException("its checksum does not match");
        }

        var reader = new SpanReader(bytes[..^sizeof(uint)]);
        if (!reader.Take(Magic.Length).SequenceEqual(Magic) || reader.ReadUInt32() != FormatVersion)
        {
            throw new MalformedDataException("its header is of another format or version");
        }

        var writes = new List<MemoryWrite>();
        while (true)
        {
            var kind = (MemoryWriteKind)reader.ReadByte();
            if ((byte)kind == TrailerKind)
            {
                break;
            }

            if (kind is not (MemoryWriteKind.Put or MemoryWriteKind.DeleteRange))
            {
                throw new MalformedDataException($"record kind {kind} is unknown");
            }

            byte[] key = reader.ReadBytes().ToArray();
            writes.Add(new MemoryWrite(kind, family, key, reader.ReadBytes().ToArray()));
        }

        if (reader.ReadUInt64() != (ulong)writes.Count)
        {
            throw new MalformedDataException("its record count does not match");
        }

        reader.ExpectEnd();
        return writes;
    }
}
