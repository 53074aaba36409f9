// Owns the proof of the memory engine's tree: versions against a sorted dictionary, and its shape after edits.
using System.Buffers.Binary;
using Kv.Base;
using Kv.Engine.Memory;

namespace Kv.Engine.Tests.Engines;

public sealed class KeyTreeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Edits_RandomPutsAndRangeDeletes_KeepShapeContentAndOldVersions(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        var model = new SortedDictionary<int, int>();
        KeyTree tree = KeyTree.Empty;
        var versions = new List<(KeyTree Tree, KeyValuePair<int, int>[] Content)>();
        int deepest = 0;
        for (int step = 0; step < 400; step++)
        {
            var edit = new KeyTreeEdit(tree);

            // Grows for a while, then shrinks for a while, so that nodes are split, emptied and joined at every level.
            bool growing = step / 50 % 2 == 0;
            for (int i = random.Next(60); i > 0; i--)
            {
                int key = random.Next(20_000);
                if (random.Chance(growing ? 0.95 : 0.2))
                {
                    edit.Put(Key(key), Key(step));
                    model[key] = step;
                }
                else if (random.Chance(0.5))
                {
                    edit.Delete(Key(key));
                    model.Remove(key);
                }
                else
                {
                    int end = key + 1 + random.Next(growing ? 10 : 400);
                    edit.DeleteRange(Key(key), Key(end));
                    model.Keys.Where(k => k >= key && k < end).ToList().ForEach(k => model.Remove(k));
                }
            }

            tree = edit.ToTree();
            deepest = Math.Max(deepest, CheckShape(tree.Root, null, null));
            CheckContent(tree, [.. model], random);
            if (step % 20 == 0)
            {
                versions.Add((tree, [.. model]));
            }
        }

        Assert.True(deepest >= 3, $"the tree was only {deepest} levels deep");
        versions.ForEach(v => CheckContent(v.Tree, v.Content, random));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Edits_WideDeletesAndFewPuts_JoinInnerNodesInOrder(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        for (int round = 0; round < 10; round++)
        {
            var model = new SortedDictionary<int, int>();
            var edit = new KeyTreeEdit(KeyTree.Empty);
            for (int i = 0; i < 20_000; i += 2)
            {
                edit.Put(Key(i), Key(i));
                model[i] = i;
            }

            for (int step = 0; step < 200; step++)
            {
                int start = random.Next(20_000);
                int end = start + 1 + random.Next(800);
                edit.DeleteRange(Key(start), Key(end));
                model.Keys.Where(k => k >= start && k < end).ToList().ForEach(k => model.Remove(k));
                for (int i = random.Next(4); i > 0; i--)
                {
                    int key = start + random.Next(end - start);
                    edit.Put(Key(key), Key(step));
                    model[key] = step;
                }
            }

            KeyTree tree = edit.ToTree();
            CheckShape(tree.Root, null, null);
            CheckContent(tree, [.. model], random);
        }
    }

    [Fact]
    public void Put_RisingKeys_NodesAreNearlyFull()
    {
        var edit = new KeyTreeEdit(KeyTree.Empty);
        for (int i = 0; i < 30_000; i++)
        {
            edit.Put(Key(i), []);
        }

        KeyTree tree = edit.ToTree();
        Assert.Equal(3, CheckShape(tree.Root, null, null));
        Assert.Equal(30_000 * sizeof(int), tree.Bytes);
    }

    [Fact]
    public void DeleteRange_Everything_LeavesTheEmptyTree()
    {
        var edit = new KeyTreeEdit(KeyTree.Empty);
        for (int i = 0; i < 5000; i++)
        {
            edit.Put(Key(i), []);
        }

        edit.DeleteRange(Key(0), Key(5000));
        Assert.Null(edit.ToTree().Root);
    }

    private static byte[] Key(int value)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, value);
        return key;
    }

    private static int Number(byte[] key) => BinaryPrimitives.ReadInt32BigEndian(key);

    private static void CheckContent(KeyTree tree, KeyValuePair<int, int>[] expected, DeterministicRandom random)
    {
        var cursor = new KeyTreeCursor(tree);
        var found = new List<KeyValuePair<int, int>>();
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next())
        {
            found.Add(new(Number(cursor.Key), Number(cursor.Value)));
        }

        Assert.True(expected.SequenceEqual(found));
        found.Clear();
        for (cursor.SeekToLast(); cursor.Valid; cursor.Prev())
        {
            found.Add(new(Number(cursor.Key), Number(cursor.Value)));
        }

        found.Reverse();
        Assert.True(expected.SequenceEqual(found));
        int probe = random.Next(20_000);
        int below = expected.Count(e => e.Key < probe);
        Assert.Equal(below * 2 * sizeof(int), tree.BytesBelow(Key(probe)));
        cursor.Seek(Key(probe));
        Assert.Equal(below < expected.Length ? expected[below].Key : -1, cursor.Valid ? Number(cursor.Key) : -1);
        cursor.SeekBelow(Key(probe));
        Assert.Equal(below > 0 ? expected[below - 1].Key : -1, cursor.Valid ? Number(cursor.Key) : -1);
        foreach (KeyValuePair<int, int> entry in expected.Skip(below).Take(3))
        {
            Assert.Equal(entry.Value, Number(tree.Find(Key(entry.Key))!));
        }
    }

    /// <summary>Requires rising keys in bounds, equal depth, no empty node, right sums; returns the depth.</summary>
    private static int CheckShape(KeyTreeNode? node, byte[]? low, byte[]? high)
    {
        if (node is null)
        {
            return 0;
        }

        Assert.InRange(node.Count, 1, KeyTreeNode.CountMax);
        long bytes = 0;
        int depth = 0;
        for (int i = 0; i < node.Count; i++)
        {
            bool bounded = node.IsLeaf || i > 0;
            if (bounded && low is not null)
            {
                Assert.True(node.Keys[i].AsSpan().SequenceCompareTo(low) >= 0, "a key below its node's bound");
            }

            if (bounded && high is not null)
            {
                Assert.True(node.Keys[i].AsSpan().SequenceCompareTo(high) < 0, "a key at or above its node's bound");
            }

            if (i > (node.IsLeaf ? 0 : 1))
            {
                Assert.True(node.Keys[i - 1].AsSpan().SequenceCompareTo(node.Keys[i]) < 0, "keys do not rise");
            }

            if (node.IsLeaf)
            {
                bytes += node.Keys[i].Length + node.Values![i].Length;
                continue;
            }

            KeyTreeNode child = node.Children![i];
            byte[]? childHigh = i + 1 < node.Count ? node.Keys[i + 1] : high;
            int childDepth = CheckShape(child, i == 0 ? low : node.Keys[i], childHigh);
            Assert.True(depth == 0 || depth == childDepth, "leaves at different depths");
            depth = childDepth;
            bytes += child.Bytes;
        }

        Assert.Equal(bytes, node.Bytes);
        return depth + 1;
    }
}
