// Owns a position in one version of a tree. Invariant: the path is either empty (no position) or leads from the root to
// an existing entry of a leaf.
namespace Kv.Engine.Memory;

internal struct KeyTreeCursor
{
    // A level grows only when the one below has split sixteen times, so no tree that fits in memory is this deep.
    private const int DepthMax = 24;

    private readonly KeyTreeNode? _root;
    private readonly KeyTreeNode[] _nodes;
    private readonly int[] _indexes;
    private int _depth;

    internal KeyTreeCursor(KeyTree tree)
    {
        _root = tree.Root;
        _nodes = new KeyTreeNode[DepthMax];
        _indexes = new int[DepthMax];
    }

    internal readonly bool Valid => _depth > 0;

    internal readonly byte[] Key => _nodes[_depth - 1].Keys[_indexes[_depth - 1]];

    internal readonly byte[] Value => _nodes[_depth - 1].Values![_indexes[_depth - 1]];

    internal void SeekToFirst()
    {
        _depth = 0;
        if (_root is not null)
        {
            DescendFirst(_root);
        }
    }

    internal void SeekToLast()
    {
        _depth = 0;
        if (_root is not null)
        {
            DescendLast(_root);
        }
    }

    /// <summary>To the first key at or above.</summary>
    internal void Seek(ReadOnlySpan<byte> key)
    {
        _depth = 0;
        KeyTreeNode? node = _root;
        if (node is null)
        {
            return;
        }

        while (!node.IsLeaf)
        {
            int child = node.ChildIndex(key);
            Push(node, child);
            node = node.Children![child];
        }

        // One past the leaf's last entry is where Next finds the following leaf.
        int index = node.LowerBound(key);
        Push(node, index);
        if (index == node.Count)
        {
            _indexes[_depth - 1]--;
            Next();
        }
    }

    /// <summary>To the last key below.</summary>
    internal void SeekBelow(ReadOnlySpan<byte> key)
    {
        Seek(key);
        if (Valid)
        {
            Prev();
        }
        else
        {
            SeekToLast();
        }
    }

    internal void Next()
    {
        while (_depth > 0)
        {
            KeyTreeNode node = _nodes[_depth - 1];
            if (++_indexes[_depth - 1] < node.Count)
            {
                if (!node.IsLeaf)
                {
                    DescendFirst(node.Children![_indexes[_depth - 1]]);
                }

                return;
            }

            _depth--;
        }
    }

    internal void Prev()
    {
        while (_depth > 0)
        {
            KeyTreeNode node = _nodes[_depth - 1];
            if (--_indexes[_depth - 1] >= 0)
            {
                if (!node.IsLeaf)
                {
                    DescendLast(node.Children![_indexes[_depth - 1]]);
                }

                return;
            }

            _depth--;
        }
    }

    private void DescendFirst(KeyTreeNode node)
    {
        while (!node.IsLeaf)
        {
            Push(node, 0);
            node = node.Children![0];
        }

        Push(node, 0);
    }

    private void DescendLast(KeyTreeNode node)
    {
        while (!node.IsLeaf)
        {
            Push(node, node.Count - 1);
            node = node.Children![node.Count - 1];
        }

        Push(node, node.Count - 1);
    }

    private void Push(KeyTreeNode node, int index)
    {
        _nodes[_depth] = node;
        _indexes[_depth] = index;
        _depth++;
    }
}
