using Kv.Base;

namespace Kv.Raft;

/// <summary>One step of a membership change.</summary>
public readonly record struct ConfChangeStep(ConfChangeKind Kind, PeerId Peer);

/// <summary>
/// A change of membership, as it stands in the log. No steps means: leave the joint configuration. The context
/// belongs to the layer above (which store the peer lies on, the epoch it was computed from) and is not read here.
/// </summary>
public sealed record ConfChange(
    IReadOnlyList<ConfChangeStep> Steps, ConfTransition Transition, ReadOnlyMemory<byte> Context)
{
    /// <summary>No change needs more steps than this.</summary>
    public const int StepsMax = 32;

    private const byte Version = 1;
    private const int HeaderBytes = 3;
    private const int StepBytes = 9;

    /// <summary>Ends a joint configuration.</summary>
    public static ConfChange LeaveJoint { get; } = new([], ConfTransition.Auto, ReadOnlyMemory<byte>.Empty);

    public bool IsLeave => Steps.Count == 0;

    public static ConfChange Of(params IReadOnlyList<ConfChangeStep> steps) =>
        new(steps, ConfTransition.Auto, ReadOnlyMemory<byte>.Empty);

    /// <summary>The bytes of an entry of kind <see cref="EntryKind.ConfChange"/>.</summary>
    public byte[] Encode()
    {
        Invariant.Require(Steps.Count <= StepsMax);
        byte[] bytes = new byte[HeaderBytes + (Steps.Count * StepBytes) + Context.Length];
        bytes[0] = Version;
        bytes[1] = (byte)Transition;
        bytes[2] = (byte)Steps.Count;
        int at = HeaderBytes;
        foreach (ConfChangeStep step in Steps)
        {
            bytes[at] = (byte)step.Kind;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at + 1), step.Peer.Value);
            at += StepBytes;
        }

        Context.Span.CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    /// <summary>Reads what <see cref="Encode"/> wrote. False: damaged, or of a version this program does not
    /// know.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out ConfChange change)
    {
        change = LeaveJoint;
        if (bytes.Length < HeaderBytes || bytes[0] != Version || bytes[1] > (byte)ConfTransition.JointExplicit
            || bytes[2] > StepsMax || bytes.Length < HeaderBytes + (bytes[2] * StepBytes))
        {
            return false;
        }

        var steps = new ConfChangeStep[bytes[2]];
        int at = HeaderBytes;
        for (int i = 0; i < steps.Length; i++)
        {
            var kind = (ConfChangeKind)bytes[at];
            var peer = new PeerId(System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes[(at + 1)..]));
            if (kind is < ConfChangeKind.AddVoter or > ConfChangeKind.RemovePeer || peer.IsNone)
            {
                return false;
            }

            steps[i] = new ConfChangeStep(kind, peer);
            at += StepBytes;
        }

        change = new ConfChange(steps, (ConfTransition)bytes[1], bytes[at..].ToArray());
        return true;
    }
}
