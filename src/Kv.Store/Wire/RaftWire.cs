// Owns the translation between the core's messages and raft.v1. What comes from the wire is checked here: lengths were
// bounded by the transport, payload CRCs are verified before anything sees the bytes (Bytes law).
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Raft;

namespace Kv.Store.Wire;

internal static class RaftWire
{
    public static RaftMessage ToWire(RegionId region, Message message)
    {
        var wire = new RaftMessage
        {
            RegionId = region.Value,
            Kind = (uint)message.Kind,
            FromPeer = message.From.Value,
            ToPeer = message.To.Value,
            Term = message.Term.Value,
            LogIndex = message.LogIndex.Value,
            LogTerm = message.LogTerm.Value,
            Commit = message.Commit.Value,
            Reject = message.Reject,
            RejectHint = message.RejectHint.Value,
            ReadId = message.ReadId,
            SentAt = message.SentAt.Nanoseconds,
            Transfer = message.Transfer,
            Priority = message.Priority,
        };
        foreach (Entry entry in message.Entries)
        {
            wire.Entries.Add(new RaftEntry
            {
                Index = entry.Index.Value,
                Term = entry.Term.Value,
                Kind = (uint)entry.Kind,
                Data = UnsafeByteOperations.UnsafeWrap(entry.Data),
                DataCrc = entry.DataCrc,
            });
        }

        if (message.Snapshot is { } snapshot)
        {
            wire.Snapshot = new RaftSnapshot
            {
                Index = snapshot.Index.Value,
                Term = snapshot.Term.Value,
                Conf = ToWire(snapshot.Conf),
            };
        }

        return wire;
    }

    /// <summary>
    /// Null when the message cannot be one of ours: unknown kind, unknown entry kind, payload that fails its CRC.
    /// </summary>
    public static Message? FromWire(RaftMessage wire)
    {
        var kind = (MessageKind)wire.Kind;
        if (wire.Kind > byte.MaxValue || !Enum.IsDefined(kind))
        {
            return null;
        }

        Entry[] entries = wire.Entries.Count == 0 ? [] : new Entry[wire.Entries.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            RaftEntry entry = wire.Entries[i];
            if (entry.Kind > (uint)EntryKind.ConfChange || Crc32C.Compute(entry.Data.Span) != entry.DataCrc)
            {
                return null;
            }

            entries[i] = new Entry(
                new LogIndex(entry.Index), new Term(entry.Term), (EntryKind)entry.Kind, entry.Data.Memory,
                    entry.DataCrc);
        }

        return new Message
        {
            Kind = kind,
            From = new PeerId(wire.FromPeer),
            To = new PeerId(wire.ToPeer),
            Term = new Term(wire.Term),
            LogIndex = new LogIndex(wire.LogIndex),
            LogTerm = new Term(wire.LogTerm),
            Commit = new LogIndex(wire.Commit),
            Entries = entries,
            Reject = wire.Reject,
            RejectHint = new LogIndex(wire.RejectHint),
            ReadId = wire.ReadId,
            SentAt = new Instant(wire.SentAt),
            Transfer = wire.Transfer,
            Priority = wire.Priority,
            Snapshot = wire.Snapshot is { Conf: not null } s
                ? new SnapshotMeta(new LogIndex(s.Index), new Term(s.Term), FromWire(s.Conf))
                : null,
        };
    }

    /// <summary>Which of the three connections of a pair of stores carries a message (Wire law).</summary>
    public static Lane LaneOf(MessageKind kind) => kind switch
    {
        MessageKind.Append or MessageKind.AppendResponse => Lane.Append,
        MessageKind.Snapshot => Lane.Snapshot,
        _ => Lane.Control,
    };

    private static ConfStateMessage ToWire(ConfState conf)
    {
        var wire = new ConfStateMessage { AutoLeave = conf.AutoLeave };
        Add(wire.Voters, conf.Voters);
        Add(wire.Learners, conf.Learners);
        Add(wire.VotersOutgoing, conf.VotersOutgoing);
        Add(wire.LearnersNext, conf.LearnersNext);
        return wire;
    }

    private static ConfState FromWire(ConfStateMessage wire) =>
        new(Peers(wire.Voters), Peers(wire.Learners), Peers(wire.VotersOutgoing), Peers(wire.LearnersNext),
            wire.AutoLeave);

    private static void Add(Google.Protobuf.Collections.RepeatedField<ulong> to, IReadOnlyList<PeerId> from)
    {
        foreach (PeerId peer in from)
        {
            to.Add(peer.Value);
        }
    }

    private static PeerId[] Peers(Google.Protobuf.Collections.RepeatedField<ulong> from)
    {
        var peers = new PeerId[from.Count];
        for (int i = 0; i < peers.Length; i++)
        {
            peers[i] = new PeerId(from[i]);
        }

        return peers;
    }
}
