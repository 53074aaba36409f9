// Owns changes of membership. A change takes effect when it is applied, on every peer at the same log index.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    private const long ScanBytesMax = 1024 * 1024;

    // Use: no change is proposed before this index is applied: one at a time (rows D1, D2). Invariant: only rises in a term.
    private LogIndex _pendingConfIndex;

    /// <summary>Whether a membership change stands in the log in (after, upTo].</summary>
    private bool HasConfChange(LogIndex after, LogIndex upTo)
    {
        LogIndex from = LogIndex.Greater(after.Next(), _log.FirstIndex);
        var page = new List<Entry>();
        while (from <= upTo)
        {
            page.Clear();
            bool found = _log.Slice(from, upTo.Next(), ScanBytesMax, page);
            Invariant.Require(found, $"entry {from} is not applied and not in the log");
            foreach (Entry entry in page)
            {
                if (entry.Kind == EntryKind.ConfChange)
                {
                    return true;
                }
            }

            from = page[^1].Index.Next();
        }

        return false;
    }
}
