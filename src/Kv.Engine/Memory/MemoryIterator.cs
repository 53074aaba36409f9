// Owns a walk over one immutable tree inside bounds. Invariant: valid means standing on a key inside the bounds.
using Kv.Base;

namespace Kv.Engine.Memory;

internal sealed class MemoryIterator : IEngineIterator
{
    private readonly ReadOnlyMemory<byte> _start;
    private readonly ReadOnlyMemory<byte>? _end;
    private KeyTreeCursor _cursor;
    private bool _valid;
    private bool _disposed;

    internal MemoryIterator(KeyTree tree, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end)
    {
        // The caller may reuse its buffers.
        _start = start.ToArray();
        _end = end is { IsEmpty: false } bound ? bound.ToArray() : (ReadOnlyMemory<byte>?)null;
        _cursor = new KeyTreeCursor(tree);
    }

    public bool Valid => _valid;

    public ReadOnlySpan<byte> Key
    {
        get
        {
            Invariant.Require(_valid);
            return _cursor.Key;
        }
    }

    public ReadOnlySpan<byte> Value
    {
        get
        {
            Invariant.Require(_valid);
            return _cursor.Value;
        }
    }

    public void SeekToFirst() => Seek(_start.Span);

    public void SeekToLast()
    {
        CheckOpen();
        if (_end is { } end)
        {
            _cursor.SeekBelow(end.Span);
        }
        else
        {
            _cursor.SeekToLast();
        }

        Settle();
    }

    public void Seek(ReadOnlySpan<byte> key)
    {
        CheckOpen();
        _cursor.Seek(key.SequenceCompareTo(_start.Span) < 0 ? _start.Span : key);
        Settle();
    }

    public void SeekForPrev(ReadOnlySpan<byte> key)
    {
        if (_end is { } end && key.SequenceCompareTo(end.Span) >= 0)
        {
            SeekToLast();
            return;
        }

        CheckOpen();
        _cursor.Seek(key);
        if (!_cursor.Valid)
        {
            _cursor.SeekToLast();
        }
        else if (!_cursor.Key.AsSpan().SequenceEqual(key))
        {
            _cursor.Prev();
        }

        Settle();
    }

    public void Next()
    {
        Invariant.Require(_valid);
        _cursor.Next();
        Settle();
    }

    public void Prev()
    {
        Invariant.Require(_valid);
        _cursor.Prev();
        Settle();
    }

    public void Dispose()
    {
        _valid = false;
        _disposed = true;
    }

    private void CheckOpen() => ObjectDisposedException.ThrowIf(_disposed, this);

    private void Settle() =>
        _valid = _cursor.Valid
            && _cursor.Key.AsSpan().SequenceCompareTo(_start.Span) >= 0
            && (_end is not { } end || _cursor.Key.AsSpan().SequenceCompareTo(end.Span) < 0);
}
