// Owns one immutable state of all column families: what a snapshot sees, and what one batch made.
using Kv.Base;

namespace Kv.Engine.Memory;

internal sealed record MemoryState(KeyTree Data, KeyTree Aux, KeyTree Meta)
{
    internal static readonly MemoryState Empty = new(KeyTree.Empty, KeyTree.Empty, KeyTree.Empty);

    internal KeyTree this[ColumnFamily family] => family switch
    {
        ColumnFamily.Data => Data,
        ColumnFamily.Aux => Aux,
        ColumnFamily.Meta => Meta,
        _ => throw Invariant.Unreachable(family),
    };

    /// <summary>The state after the writes, in their order.</summary>
    internal MemoryState Apply(List<MemoryWrite> writes)
    {
        Span<KeyTreeEdit?> edits = new KeyTreeEdit?[3];
        foreach (MemoryWrite write in writes)
        {
            KeyTreeEdit edit = edits[(int)write.Family] ??= new KeyTreeEdit(this[write.Family]);
            switch (write.Kind)
            {
                case MemoryWriteKind.Put:
                    edit.Put(write.Key, write.Value!);
                    break;
                case MemoryWriteKind.Delete:
                    edit.Delete(write.Key);
                    break;
                case MemoryWriteKind.DeleteRange:
                    edit.DeleteRange(write.Key, write.Value);
                    break;
                default:
                    throw Invariant.Unreachable(write.Kind);
            }
        }

        return new MemoryState(
            edits[0]?.ToTree() ?? Data, edits[1]?.ToTree() ?? Aux, edits[2]?.ToTree() ?? Meta);
    }
}
