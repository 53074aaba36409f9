using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Protocol;

/// <summary>One peer of a region and the store that holds it.</summary>
public readonly record struct PeerDescriptor(PeerId Id, StoreId Store, PeerRole Role);

/// <summary>
/// A region: its range in internal keys (prefix byte included), epoch and peers. Immutable; a change is a new
/// descriptor with a higher epoch. The end is exclusive and never empty: internal keys always have an upper bound (Key
/// law).
/// </summary>
public sealed class RegionDescriptor
{
    public RegionDescriptor(
        RegionId id, byte[] start, byte[] end, RegionEpoch epoch, IReadOnlyList<PeerDescriptor> peers)
    {
        Invariant.Require(!id.IsNone);
        Invariant.Require(start.AsSpan().SequenceCompareTo(end) < 0);
        Id = id;
        Start = start;
        End = end;
        Epoch = epoch;
        Peers = peers;
    }

    public RegionId Id { get; }

    public byte[] Start { get; }

    public byte[] End { get; }

    public RegionEpoch Epoch { get; }

    public IReadOnlyList<PeerDescriptor> Peers { get; }

    public bool IsSystem => Id == RegionId.System;

    public bool Contains(ReadOnlySpan<byte> internalKey) =>
        internalKey.SequenceCompareTo(Start) >= 0 && internalKey.SequenceCompareTo(End) < 0;

    public PeerDescriptor? PeerOn(StoreId store)
    {
        foreach (PeerDescriptor peer in Peers)
        {
            if (peer.Store == store)
            {
                return peer;
            }
        }

        return null;
    }

    public PeerDescriptor? PeerOf(PeerId id)
    {
        foreach (PeerDescriptor peer in Peers)
        {
            if (peer.Id == id)
            {
                return peer;
            }
        }

        return null;
    }

    /// <summary>The message, in internal keys: for stores and <c>meta</c>.</summary>
    public Region ToMessage() => Build(Start, End);

    /// <summary>The message in the caller's own keys, for clients.</summary>
    public Region ToUserMessage() => Build(KeySpace.StartToUser(Start), KeySpace.EndToUser(End));

    /// <summary>
    /// Reads a message in internal keys. Throws <see cref="MalformedDataException"/> when it makes no region.
    /// </summary>
    public static RegionDescriptor FromMessage(Region message)
    {
        if (message.Id == 0
            || message.Epoch is null
            || message.StartKey.Span.SequenceCompareTo(message.EndKey.Span) >= 0)
        {
            throw new MalformedDataException($"region {message.Id}: id, epoch or range is missing or wrong");
        }

        var peers = new PeerDescriptor[message.Peers.Count];
        for (int i = 0; i < peers.Length; i++)
        {
            V1.Peer peer = message.Peers[i];
            if (peer.Id == 0 || peer.StoreId == 0)
            {
                throw new MalformedDataException($"region {message.Id}: a peer without id or store");
            }

            peers[i] = new PeerDescriptor(new PeerId(peer.Id), new StoreId(peer.StoreId), peer.Role);
        }

        return new RegionDescriptor(
            new RegionId(message.Id),
            message.StartKey.ToByteArray(),
            message.EndKey.ToByteArray(),
            new RegionEpoch(message.Epoch.ConfVersion, message.Epoch.Version),
            peers);
    }

    public override string ToString() => $"region {Id} epoch {Epoch.ConfVersion}.{Epoch.Version}";

    private Region Build(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        var message = new Region
        {
            Id = Id.Value,
            StartKey = ByteString.CopyFrom(start),
            EndKey = ByteString.CopyFrom(end),
            Epoch = new V1.RegionEpoch { ConfVersion = Epoch.ConfVersion, Version = Epoch.Version },
        };
        foreach (PeerDescriptor peer in Peers)
        {
            message.Peers.Add(new V1.Peer { Id = peer.Id.Value, StoreId = peer.Store.Value, Role = peer.Role });
        }

        return message;
    }
}
