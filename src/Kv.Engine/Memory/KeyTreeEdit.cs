// Owns one edit of a tree: nodes made by the edit are changed in place, all others are copied first, so a batch of many
// writes copies each touched node once. Ends with ToTree; the trees before it never change.
using Kv.Base;

namespace Kv.Engine.Memory;

internal sealed class KeyTreeEdit
{
    // A node that shrank is joined with a neighbour when both fit in half a node: no join right after a split.
    private const int JoinCountMax = KeyTreeNode.CountMax / 2;

    private readonly object _owner = new();
    private KeyTreeNode? _root;
    private bool _ended;

    internal KeyTreeEdit(KeyTree tree) => _root = tree.Root;

    /// <summary>Takes ownership of both arrays.</summary>
    internal void Put(byte[] key, byte[] value)
    {
        Invariant.Require(!_ended);
        _root = _root is null ? new KeyTreeNode(_owner, leaf: true) : _root.Editable(_owner);
        KeyTreeNode? right = Put(_root, key, value);
        if (right is not null)
        {
            var root = new KeyTreeNode(_owner, leaf: false);
            root.InsertAt(0, _root.Keys[0], null, _root);
            root.InsertAt(1, right.Keys[0], null, right);
            root.SumBytes();
            _root = root;
        }
    }

    internal void Delete(ReadOnlySpan<byte> key)
    {
        // The key followed by a zero byte is the very next key there can be.
        byte[] end = new byte[key.Length + 1];
        key.CopyTo(end);
        DeleteRange(key, end);
    }

    /// <summary>Removes [start, end).</summary>
    internal void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        Invariant.Require(!_ended);
        _root = _root is null ? null : Remove(_root, start, end);
        while (_root is { IsLeaf: false, Count: 1 })
        {
            _root = _root.Children![0];
        }
    }

    internal KeyTree ToTree()
    {
        _ended = true;
        return _root is null ? KeyTree.Empty : new KeyTree(_root);
    }

    /// <summary>Puts below an editable node; returns its new right neighbour when it had to be split.</summary>
    private KeyTreeNode? Put(KeyTreeNode node, byte[] key, byte[] value)
    {
        if (!node.IsLeaf)
        {
            return PutInner(node, key, value);
        }

        int index = node.LowerBound(key);
        if (index < node.Count && node.Keys[index].AsSpan().SequenceEqual(key))
        {
            node.Bytes += value.Length - node.Values![index].Length;
            node.Values[index] = value;
            return null;
        }

        KeyTreeNode? right = SplitIfFull(node, index);
        (KeyTreeNode target, int at) = Side(node, right, index);
        target.InsertAt(at, key, value, null);
        target.Bytes += key.Length + value.Length;
        return right;
    }

    private KeyTreeNode? PutInner(KeyTreeNode node, byte[] key, byte[] value)
    {
        int index = node.ChildIndex(key);
        KeyTreeNode child = node.Children![index].Editable(_owner);
        long before = child.Bytes;
        node.Children[index] = child;
        KeyTreeNode? childRight = Put(child, key, value);
        node.Bytes += child.Bytes - before;
        if (childRight is null)
        {
            return null;
        }

        KeyTreeNode? right = SplitIfFull(node, index + 1);
        (KeyTreeNode target, int at) = Side(node, right, index + 1);
        target.InsertAt(at, childRight.Keys[0], null, childRight);
        node.SumBytes();
        right?.SumBytes();
        return right;
    }

    /// <summary>
    /// Splits in the middle, or, when the newcomer goes last, leaves the left full: rising keys fill their nodes.
    /// </summary>
    private static KeyTreeNode? SplitIfFull(KeyTreeNode node, int index)
    {
        if (node.Count < KeyTreeNode.CountMax)
        {
            return null;
        }

        return node.SplitAt(index == node.Count ? node.Count - 1 : node.Count / 2);
    }

    private static (KeyTreeNode Target, int At) Side(KeyTreeNode left, KeyTreeNode? right, int index) =>
        right is null || index < left.Count ? (left, index) : (right, index - left.Count);

    /// <summary>The node without [start, end): itself when nothing was there, null when nothing is left.</summary>
    private KeyTreeNode? Remove(KeyTreeNode node, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        if (node.IsLeaf)
        {
            int from = node.LowerBound(start);
            int to = node.LowerBound(end);
            if (from >= to)
            {
                return node;
            }

            if (to - from == node.Count)
            {
                return null;
            }

            node = node.Editable(_owner);
            node.RemoveAt(from, to);
            node.SumBytes();
            return node;
        }

        return RemoveInner(node, start, end);
    }

    private KeyTreeNode? RemoveInner(KeyTreeNode node, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        int first = node.ChildIndex(start);
        int last = node.ChildIndex(end);
        KeyTreeNode? firstLeft = Remove(node.Children![first], start, end);
        KeyTreeNode? lastLeft = last == first ? firstLeft : Remove(node.Children[last], start, end);
        bool changed = last - first > 1 || firstLeft != node.Children[first] || lastLeft != node.Children[last]
            || firstLeft?.Owner == _owner || lastLeft?.Owner == _owner;
        if (!changed)
        {
            return node;
        }

        node = node.Editable(_owner);
        int from = first;
        if (firstLeft is not null)
        {
            node.Children![first] = firstLeft;
            from++;
        }

        int to = last + 1;
        if (last > first && lastLeft is not null)
        {
            node.Children![last] = lastLeft;
            to--;
        }

        if (from < to)
        {
            node.RemoveAt(from, to);
        }

        if (node.Count == 0)
        {
            return null;
        }

        Join(node, from);
        Join(node, from - 1);
        node.SumBytes();
        return node;
    }

    /// <summary>Joins the child at <paramref name="index"/> into its left neighbour when both are small.</summary>
    private void Join(KeyTreeNode node, int index)
    {
        if (index < 1 || index >= node.Count)
        {
            return;
        }

        KeyTreeNode right = node.Children![index];
        KeyTreeNode left = node.Children[index - 1];
        if (left.Count + right.Count > JoinCountMax)
        {
            return;
        }

        left = left.Editable(_owner);
        for (int i = 0; i < right.Count; i++)
        {
            // The first key of an inner node bounds nothing there; between two children its parent's does.
            byte[] key = i == 0 && !right.IsLeaf ? node.Keys[index] : right.Keys[i];
            left.InsertAt(left.Count, key, right.Values?[i], right.Children?[i]);
        }

        left.SumBytes();
        node.Children[index - 1] = left;
        node.RemoveAt(index, index + 1);
    }
}
