using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>
/// A client's write between door and answer. It holds credits of its region and store from the door on, and gives them
/// back with its one answer (Queue law).
/// </summary>
internal sealed class PendingWrite(
    ulong requestId, IResponseSink sink, RegionHandle region, ulong version, byte[] command, Instant deadline,
        ProposalCredits credits)
{
    private int _answered;

    public RegionHandle Region => region;

    /// <summary>RegionEpoch.Version the caller was routed by.</summary>
    public ulong Version => version;

    /// <summary>The encoded command, as it goes into the entry.</summary>
    public byte[] Command => command;

    /// <summary>
    /// When the caller stops waiting. Before it is proposed an expired write is dropped; after, it is in doubt.
    /// </summary>
    public Instant Deadline => deadline;

    /// <summary>Propose only while this store leads the region in this term; zero = in any.</summary>
    public Term RequiredTerm { get; init; }

    public bool IsAnswered => Volatile.Read(ref _answered) != 0;

    /// <summary>
    /// Answers that it was decided; <paramref name="told"/> is the answer of a write with more to tell than its
    /// revision.
    /// </summary>
    public void Succeed(ulong revision, ulong regionTime, WriteResult? told) => Answer(new Response
    {
        Id = requestId,
        RegionTime = regionTime,
        Write = told ?? new WriteResult { Revision = revision },
    });

    public void Fail(RegionError error) => Answer(new Response { Id = requestId, RegionTime = region.RegionTime,
        Error = error });

    private void Answer(Response response)
    {
        if (Interlocked.Exchange(ref _answered, 1) != 0)
        {
            return;
        }

        credits.Return(region, command.Length);
        sink.OnResponse(response);
    }
}

/// <summary>
/// Bytes of proposals that a store has let in and not yet answered. The system region draws on a share of its own, so
/// that user work cannot starve it (System region law).
/// </summary>
internal sealed class ProposalCredits(long bytesMax, long bytesPerRegionMax)
{
    private long _bytes;

    public long Bytes => Volatile.Read(ref _bytes);

    public bool TryTake(RegionHandle region, int bytes)
    {
        if (region.AddProposalBytes(bytes) > bytesPerRegionMax)
        {
            region.AddProposalBytes(-bytes);
            return false;
        }

        if (!region.Descriptor.IsSystem && Interlocked.Add(ref _bytes, bytes) > bytesMax)
        {
            Interlocked.Add(ref _bytes, -bytes);
            region.AddProposalBytes(-bytes);
            return false;
        }

        return true;
    }

    public void Return(RegionHandle region, int bytes)
    {
        long left = region.AddProposalBytes(-bytes);
        Invariant.Require(left >= 0);
        if (!region.Descriptor.IsSystem)
        {
            Interlocked.Add(ref _bytes, -bytes);
        }
    }
}
