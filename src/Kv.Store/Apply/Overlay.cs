// Owns what has been written but is not in the engine yet, as a sorted map of our own, so that the conditions of later
// writes see it (Apply law). The same over every engine.
//
// Invariants: ranges do not touch each other; a row inside a range was written after the range was deleted.
using Kv.Base;
using Kv.Engine;

namespace Kv.Store.Apply;

/// <summary>Puts, deletes and deleted ranges of the families that hold a region's data, the newest winning.</summary>
internal sealed class Overlay
{
    private readonly Layer _data = new();
    private readonly Layer _aux = new();

    /// <summary>The array is kept: it must not change afterwards. A null value is a delete.</summary>
    public void Set(ColumnFamily family, byte[] key, byte[]? value) => LayerOf(family).Set(key, value);

    /// <summary>Deletes [start, end), which is not empty. The arrays are kept.</summary>
    public void DeleteRange(ColumnFamily family, byte[] start, byte[] end) => LayerOf(family).DeleteRange(start, end);

    /// <summary>
    /// Whether the overlay knows about the key; then <paramref name="value"/> is what it holds, null = absent. False:
    /// what lies below the overlay holds.
    /// </summary>
    public bool TryFind(ColumnFamily family, byte[] key, out byte[]? value) => LayerOf(family).TryFind(key, out value);

    public void Clear()
    {
        _data.Clear();
        _aux.Clear();
    }

    private Layer LayerOf(ColumnFamily family) => family switch
    {
        ColumnFamily.Data => _data,
        ColumnFamily.Aux => _aux,
        _ => throw Invariant.Unreachable(family),
    };

    private sealed class Layer
    {
        private readonly SortedSet<Row> _rows = new(RowOrder.Instance);
        private readonly SortedSet<DeletedRange> _ranges = new(RangeOrder.Instance);

        public void Set(byte[] key, byte[]? value)
        {
            var row = new Row(key, value);
            if (!_rows.Add(row))
            {
                _rows.Remove(row);
                _rows.Add(row);
            }
        }

        public bool TryFind(byte[] key, out byte[]? value)
        {
            if (_rows.Count > 0 && _rows.TryGetValue(new Row(key, null), out Row? row))
            {
                value = row.Value;
                return true;
            }

            value = null;
            return LastStartingAtOrBelow(key) is { } range && key.AsSpan().SequenceCompareTo(range.End) < 0;
        }

        public void DeleteRange(byte[] start, byte[] end)
        {
            Invariant.Require(start.AsSpan().SequenceCompareTo(end) < 0);
            RemoveRows(start, end);
            if (LastStartingAtOrBelow(start) is { } before && before.End.AsSpan().SequenceCompareTo(start) >= 0)
            {
                _ranges.Remove(before);
                start = before.Start;
                end = Greater(before.End, end);
            }

            if (_ranges.Count > 0)
            {
                var inside = new List<DeletedRange>(
                    _ranges.GetViewBetween(new DeletedRange(start, []), new DeletedRange(end, [])));
                foreach (DeletedRange range in inside)
                {
                    _ranges.Remove(range);
                    end = Greater(range.End, end);
                }
            }

            _ranges.Add(new DeletedRange(start, end));
        }

        public void Clear()
        {
            _rows.Clear();
            _ranges.Clear();
        }

        private static byte[] Greater(byte[] one, byte[] other) =>
            one.AsSpan().SequenceCompareTo(other) > 0 ? one : other;

        private void RemoveRows(byte[] start, byte[] end)
        {
            if (_rows.Count == 0)
            {
                return;
            }

            var inside = new List<Row>(_rows.GetViewBetween(new Row(start, null), new Row(end, null)));
            foreach (Row row in inside)
            {
                if (row.Key.AsSpan().SequenceCompareTo(end) < 0)
                {
                    _rows.Remove(row);
                }
            }
        }

        private DeletedRange? LastStartingAtOrBelow(byte[] key) => _ranges.Count == 0
            ? null
            : _ranges.GetViewBetween(new DeletedRange([], []), new DeletedRange(key, [])).Max;
    }

    private sealed record Row(byte[] Key, byte[]? Value);

    private sealed record DeletedRange(byte[] Start, byte[] End);

    private sealed class RowOrder : IComparer<Row>
    {
        public static readonly RowOrder Instance = new();

        public int Compare(Row? x, Row? y) => KeyOrder.Instance.Compare(x!.Key, y!.Key);
    }

    private sealed class RangeOrder : IComparer<DeletedRange>
    {
        public static readonly RangeOrder Instance = new();

        public int Compare(DeletedRange? x, DeletedRange? y) => KeyOrder.Instance.Compare(x!.Start, y!.Start);
    }
}
