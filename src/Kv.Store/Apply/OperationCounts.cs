using Kv.Protocol.V1;

namespace Kv.Store.Apply;

/// <summary>
/// How many mutations of each kind were executed here, in writes that are more than puts and deletes. Written by the
/// apply loop alone, read by any thread.
/// </summary>
internal sealed class OperationCounts
{
    private readonly long[] _byKind = new long[(int)MutationKind.SequenceReset + 1];
    private long _refused;

    /// <summary>
    /// Writes that took no effect, because a condition did not hold or a sequence had come to its end.
    /// </summary>
    public long Refused => Volatile.Read(ref _refused);

    public long Of(MutationKind kind) => Volatile.Read(ref _byKind[(int)kind]);

    public IReadOnlyList<(MutationKind Kind, long Count)> ByKind()
    {
        var all = new (MutationKind, long)[_byKind.Length];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = ((MutationKind)i, Volatile.Read(ref _byKind[i]));
        }

        return all;
    }

    public void Count(MutationKind kind) => Volatile.Write(ref _byKind[(int)kind], _byKind[(int)kind] + 1);

    public void CountRefused() => Volatile.Write(ref _refused, _refused + 1);
}
