// Owns one node of the memory engine's tree. Invariants: a node is changed only by the edit that made it (Owner) and
// never after that edit ended; entries rise; all leaves have the same depth; Bytes is the sum of what lies below.
using System.Diagnostics;

namespace Kv.Engine.Memory;

internal sealed class KeyTreeNode
{
    internal const int CountMax = 32;

    internal readonly byte[][] Keys;
    internal readonly byte[][]? Values;
    internal readonly KeyTreeNode[]? Children;
    internal readonly object Owner;
    internal int Count;
    internal long Bytes;

    internal KeyTreeNode(object owner, bool leaf)
    {
        Owner = owner;
        Keys = new byte[CountMax][];
        if (leaf)
        {
            Values = new byte[CountMax][];
        }
        else
        {
            Children = new KeyTreeNode[CountMax];
        }
    }

    internal bool IsLeaf => Values is not null;

    /// <summary>The first entry of a leaf at or above the key; Count when there is none.</summary>
    internal int LowerBound(ReadOnlySpan<byte> key)
    {
        Debug.Assert(IsLeaf);
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Keys[middle].AsSpan().SequenceCompareTo(key) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>
    /// The child of an inner node whose range holds the key. Keys[i] is a lower bound of child i and above all of child
    /// i - 1; Keys[0] is not looked at, the first child takes everything below Keys[1].
    /// </summary>
    internal int ChildIndex(ReadOnlySpan<byte> key)
    {
        Debug.Assert(!IsLeaf);
        int low = 1;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Keys[middle].AsSpan().SequenceCompareTo(key) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    /// <summary>This node when the edit made it, else a copy that the edit may change.</summary>
    internal KeyTreeNode Editable(object owner)
    {
        if (Owner == owner)
        {
            return this;
        }

        var copy = new KeyTreeNode(owner, IsLeaf) { Count = Count, Bytes = Bytes };
        Array.Copy(Keys, copy.Keys, Count);
        if (IsLeaf)
        {
            Array.Copy(Values!, copy.Values!, Count);
        }
        else
        {
            Array.Copy(Children!, copy.Children!, Count);
        }

        return copy;
    }

    internal void InsertAt(int index, byte[] key, byte[]? value, KeyTreeNode? child)
    {
        Array.Copy(Keys, index, Keys, index + 1, Count - index);
        Keys[index] = key;
        if (IsLeaf)
        {
            Array.Copy(Values!, index, Values!, index + 1, Count - index);
            Values![index] = value!;
        }
        else
        {
            Array.Copy(Children!, index, Children!, index + 1, Count - index);
            Children![index] = child!;
        }

        Count++;
    }

    /// <summary>Removes the entries [from, to) without touching <see cref="Bytes"/>.</summary>
    internal void RemoveAt(int from, int to)
    {
        int tail = Count - to;
        int count = from + tail;
        Array.Copy(Keys, to, Keys, from, tail);
        Array.Clear(Keys, count, Count - count);
        if (IsLeaf)
        {
            Array.Copy(Values!, to, Values!, from, tail);
            Array.Clear(Values!, count, Count - count);
        }
        else
        {
            Array.Copy(Children!, to, Children!, from, tail);
            Array.Clear(Children!, count, Count - count);
        }

        Count = count;
    }

    /// <summary>Moves the entries from <paramref name="from"/> on into a new right neighbour.</summary>
    internal KeyTreeNode SplitAt(int from)
    {
        var right = new KeyTreeNode(Owner, IsLeaf) { Count = Count - from };
        Array.Copy(Keys, from, right.Keys, 0, right.Count);
        if (IsLeaf)
        {
            Array.Copy(Values!, from, right.Values!, 0, right.Count);
        }
        else
        {
            Array.Copy(Children!, from, right.Children!, 0, right.Count);
        }

        RemoveAt(from, Count);
        SumBytes();
        right.SumBytes();
        return right;
    }

    internal void SumBytes()
    {
        long bytes = 0;
        for (int i = 0; i < Count; i++)
        {
            bytes += IsLeaf ? Keys[i].Length + Values![i].Length : Children![i].Bytes;
        }

        Bytes = bytes;
    }
}
