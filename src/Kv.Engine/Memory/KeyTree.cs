// Owns the sorted map under the memory engine: an immutable B+ tree. A change copies the path to the root and shares
// the rest, so a snapshot is a reference, readers need no lock, and the state after every batch can be kept for a power
// cut.
namespace Kv.Engine.Memory;

/// <summary>One immutable version of a column family. Any number of threads may read it.</summary>
internal sealed class KeyTree
{
    internal static readonly KeyTree Empty = new(null);

    internal KeyTree(KeyTreeNode? root) => Root = root;

    internal KeyTreeNode? Root { get; }

    /// <summary>Bytes of all keys and values.</summary>
    internal long Bytes => Root?.Bytes ?? 0;

    /// <summary>The value itself, not to be changed; null when absent.</summary>
    internal byte[]? Find(ReadOnlySpan<byte> key)
    {
        KeyTreeNode? node = Root;
        if (node is null)
        {
            return null;
        }

        while (!node.IsLeaf)
        {
            node = node.Children![node.ChildIndex(key)];
        }

        int index = node.LowerBound(key);
        return index < node.Count && node.Keys[index].AsSpan().SequenceEqual(key) ? node.Values![index] : null;
    }

    /// <summary>Bytes of the keys below <paramref name="key"/> and their values.</summary>
    internal long BytesBelow(ReadOnlySpan<byte> key)
    {
        long bytes = 0;
        KeyTreeNode? node = Root;
        while (node is not null)
        {
            int index = node.IsLeaf ? node.LowerBound(key) : node.ChildIndex(key);
            for (int i = 0; i < index; i++)
            {
                bytes += node.IsLeaf ? node.Keys[i].Length + node.Values![i].Length : node.Children![i].Bytes;
            }

            node = node.IsLeaf ? null : node.Children![index];
        }

        return bytes;
    }
}
