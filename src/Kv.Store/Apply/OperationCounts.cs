using Kv.Protocol.V1;

namespace Kv.Store.Apply;

/// <summary>
/// How many mutations of each kind were executed here, puts and deletes of plain writes left out. Written by the apply
/// loop alone, read by any thread.
/// </summary>
internal sealed class OperationCounts
{
    private readonly long[] _byKind = new long[(int)MutationKind.SequenceReset + 1];
    private long _refused;

    /// <summary>Writes that took no effect, because a condition did not hold or a sequence had come to its end.</summary>
    public long Refused => Volatile.Read(ref _refused);

    public long Of(MutationKind kind) => Volatile.Read(ref _byKind[(int)kind]);

    public void Count(MutationKind kind) => Volatile.Write(ref _byKind[(int)kind], _byKind[(int)kind] + 1);

    public void CountRefused() => Volatile.Write(ref _refused, _refused + 1);
}
