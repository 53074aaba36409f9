// Owns one table file being written. Invariants: range tombstones come before keys, keys strictly rise; the file is a
// table only after Finish, which syncs it.
using System.Buffers;
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Memory;

internal sealed class MemoryTableWriter : IEngineTableWriter
{
    private const string WriteSite = "memory table write";
    private const string SyncSite = "memory table sync";
    private const int ChunkBytes = 64 << 10;

    private readonly IFile _file;
    private readonly ArrayBufferWriter<byte> _chunk = new(ChunkBytes);
    private long _offset;
    private uint _crc;
    private ulong _count;
    private byte[]? _lastKey;
    private bool _finished;

    internal MemoryTableWriter(IFileSystem files, string path)
    {
        try
        {
            _file = files.Open(path, create: true);
        }
        catch (StorageException e)
        {
            throw new EngineException($"engine table open failed: {e.Message}", e);
        }

        var writer = new SpanWriter(_chunk);
        writer.WriteRaw(MemoryTableFile.Magic);
        writer.WriteUInt32(MemoryTableFile.FormatVersion);
    }

    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        Invariant.Require(!_finished && _lastKey is null && start.SequenceCompareTo(end) < 0);
        Add(MemoryWriteKind.DeleteRange, start, end);
    }

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Invariant.Require(!_finished);
        if (_lastKey is not null && key.SequenceCompareTo(_lastKey) <= 0)
        {
            throw new EngineException($"engine table write failed: keys must strictly rise ({_file.Path})");
        }

        Add(MemoryWriteKind.Put, key, value);
        _lastKey = key.ToArray();
    }

    public long Finish()
    {
        Invariant.Require(!_finished);
        if (_count == 0)
        {
            throw new EngineException($"engine table finish failed: it has no entries ({_file.Path})");
        }

        var writer = new SpanWriter(_chunk);
        writer.WriteByte(MemoryTableFile.TrailerKind);
        writer.WriteUInt64(_count);
        writer.WriteUInt32(Crc32C.Extend(_crc, _chunk.WrittenSpan));
        WriteChunk();
        try
        {
            _file.SyncData(SyncSite);
        }
        catch (StorageException e)
        {
            throw new EngineException($"engine table finish failed: {e.Message}", e);
        }

        _finished = true;
        return _offset;
    }

    public void Dispose() => _file.Dispose();

    private void Add(MemoryWriteKind kind, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var writer = new SpanWriter(_chunk);
        writer.WriteByte((byte)kind);
        writer.WriteBytes(first);
        writer.WriteBytes(second);
        _count++;
        if (_chunk.WrittenCount >= ChunkBytes)
        {
            WriteChunk();
        }
    }

    private void WriteChunk()
    {
        try
        {
            _file.WriteAt(_offset, _chunk.WrittenSpan, WriteSite);
        }
        catch (StorageException e)
        {
            throw new EngineException($"engine table write failed: {e.Message}", e);
        }

        _crc = Crc32C.Extend(_crc, _chunk.WrittenSpan);
        _offset += _chunk.WrittenCount;
        _chunk.ResetWrittenCount();
    }
}
