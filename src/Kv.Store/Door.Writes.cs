// How writes come in: refused by name, or encoded, given credits, and handed to the raft loop (Queue law).
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Store;

internal sealed partial class Door
{
    private RegionError? Write(Request request, IResponseSink sink)
    {
        WriteCommand write = request.Write;
        if (MutationChecks.Check(write, _options.Limits, out List<byte[]> keys, out bool hasRange) is { } wrong)
        {
            return wrong;
        }

        if (Locate(request.RegionId, request.Version, keys[0], out RegionHandle? region) is { } error)
        {
            return error;
        }

        RegionDescriptor descriptor = region!.Descriptor;
        foreach (byte[] key in keys)
        {
            if (!descriptor.Contains(key))
            {
                return Errors.KeyNotInRegion(region, key);
            }
        }

        byte[]?[]? ends = hasRange ? EndsOf(write.Mutations, descriptor) : null;
        if (ends is not null && BeyondEnd(ends, descriptor) is { } beyond)
        {
            return Errors.KeyNotInRegion(region, beyond);
        }

        if (CheckIdentity(write.Identity, out CommandIdentity identity) is { } bad)
        {
            return bad;
        }

        if (CheckAdmission(region) is { } refused)
        {
            return refused;
        }

        byte[] command = EntryCodec.EncodeWrite(identity, keys, write.Mutations, ends, write.FirstIndex);
        ulong version = request.Version == 0 ? descriptor.Epoch.Version : request.Version;
        return Propose(region, version, command, request, sink, Term.Zero);
    }

    /// <summary>The ends of ranges beside the mutations; without one, a range goes to the region's end.</summary>
    private static byte[]?[] EndsOf(IReadOnlyList<Mutation> mutations, RegionDescriptor descriptor)
    {
        byte[]?[] ends = new byte[]?[mutations.Count];
        for (int i = 0; i < ends.Length; i++)
        {
            if (mutations[i].Kind == MutationKind.DeleteRange)
            {
                ReadOnlySpan<byte> end = mutations[i].EndKey.Span;
                ends[i] = end.IsEmpty ? descriptor.End : KeySpace.ToInternal(end);
            }
        }

        return ends;
    }

    private static byte[]? BeyondEnd(byte[]?[] ends, RegionDescriptor descriptor)
    {
        foreach (byte[]? end in ends)
        {
            if (end is not null && end.AsSpan().SequenceCompareTo(descriptor.End) > 0)
            {
                return end;
            }
        }

        return null;
    }

    /// <summary>What refuses any write of the region, before it is encoded.</summary>
    private RegionError? CheckAdmission(RegionHandle region)
    {
        if (LedElsewhere(region) is { } elsewhere)
        {
            return elsewhere;
        }

        return !region.Descriptor.IsSystem && _log.SizeBytes > _options.LogBytesMax
            ? Errors.LogFull(_log.SizeBytes, _options.LogBytesMax)
            : null;
    }

    private RegionError? Propose(
        RegionHandle region, ulong version, byte[] command, Request request, IResponseSink sink, Term requiredTerm)
    {
        if (!_credits.TryTake(region, command.Length))
        {
            return Errors.Busy("too many bytes of writes wait", 50);
        }

        var pending = new PendingWrite(request.Id, sink, region, version, command, DeadlineOf(request.TimeoutMs),
            _credits)
        {
            RequiredTerm = requiredTerm,
        };
        if (Buggify.At("store.door.full") || !_raft.TryPostWrite(pending))
        {
            pending.Fail(Errors.Busy("too many requests wait", 50));
        }

        return null;
    }

    private RegionError? CheckIdentity(WriteIdentity? given, out CommandIdentity identity)
    {
        if (given is null)
        {
            identity = OwnIdentity();
            return null;
        }

        identity = default;
        if (given.Session.Length != SessionId.Bytes || given.Sequence == 0)
        {
            return Errors.Invalid("identity",
                $"a write's identity has a session of {SessionId.Bytes} bytes and a sequence from 1");
        }

        if (given.LowestUnacknowledged > given.Sequence)
        {
            return Errors.Invalid("identity", "the write's own sequence lies below its lowest unacknowledged sequence");
        }

        identity = new CommandIdentity(
            SessionId.Read(given.Session.Span), given.Sequence, given.Stamp, given.LowestUnacknowledged);
        return null;
    }

    private CommandIdentity OwnIdentity()
    {
        ulong sequence = (ulong)Interlocked.Increment(ref _ownSequence);
        return new CommandIdentity(_ownSession, sequence, _regionClock.Now(), sequence > 100_000 ? sequence - 100_000
            : 0);
    }
}
