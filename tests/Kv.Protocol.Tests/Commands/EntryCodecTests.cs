using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Protocol.Tests.Commands;

public sealed class EntryCodecTests
{
    private const string Identity = "00000000000000030000000000000004" + "05" + "E807" + "02";

    private static readonly (string Name, Mutation Mutation, byte[]? End, string Body)[] Guarded =
    [
        ("put", new() { Key = Utf8("k"), Value = Utf8("v") }, null, "00 026B 0176"),
        ("delete", new() { Kind = MutationKind.Delete, Key = Utf8("k") }, null, "01 026B"),
        ("put if absent", new() { Kind = MutationKind.PutIfAbsent, Key = Utf8("k"), Value = Utf8("v") }, null,
            "02 026B 0176"),
        ("put if value", Compare(MutationKind.CompareAndPut, new() { Value = Utf8("e") }), null,
            "03 026B 02 0165 0176"),
        ("put if it is not there", Compare(MutationKind.CompareAndPut, new() { Absent = true }), null,
            "03 026B 01 0176"),
        ("delete if revision", Compare(MutationKind.CompareAndDelete, new() { Revision = 300 }), null,
            "04 026B 03 AC02"),
        ("get and put", new() { Kind = MutationKind.GetAndPut, Key = Utf8("k"), Value = Utf8("v") }, null,
            "05 026B 0176"),
        ("delete range", new() { Kind = MutationKind.DeleteRange, Key = Utf8("k") }, "\u0002m"u8.ToArray(),
            "06 026B 02026D"),
        ("sequence", new() { Kind = MutationKind.Sequence, Key = Utf8("k"), Number = 10 }, null, "07 026B 0A"),
        ("reset", new() { Kind = MutationKind.SequenceReset, Key = Utf8("k"), Number = long.MaxValue }, null,
            "08 026B FFFFFFFFFFFFFFFF7F"),
    ];

    public static TheoryData<string> Names => new(Guarded.Select(one => one.Name));

    [Fact]
    public void EncodeWrite_PutsAndDeletesAlone_AreVersion1()
    {
        byte[] command = EntryCodec.EncodeWrite(
            TheIdentity,
            [[2, (byte)'k'], [2, (byte)'l']],
            [new Mutation { Value = Utf8("v") }, new Mutation { Kind = MutationKind.Delete }]);

        Assert.Equal("0101" + Identity + "02" + "0002026B0176" + "0102026C", Convert.ToHexString(command));
    }

    /// <summary>Known bytes: they are in logs, and stay what they are.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void EncodeWrite_EveryKind_IsTheseBytesInVersion2_AndReadsBack(string name)
    {
        (_, Mutation mutation, byte[]? end, string body) = Guarded.Single(one => one.Name == name);
        byte[] command = Encode(mutation, end);

        // In company of another, because a put or delete alone is version 1.
        Assert.Equal(
            "0102" + Identity + "07" + "02" + body.Replace(" ", "", StringComparison.Ordinal)
                .Replace("026B", "02026B", StringComparison.Ordinal) + "07" + "02026B" + "01",
            Convert.ToHexString(command));
        var reader = new EntryReader(EntryCodec.EncodeEntry(5, 1_000, [command]));
        Assert.True(reader.TryRead(out CommandReader read));
        Assert.False(read.IsPlain);
        Assert.Equal((7U, 2), (read.FirstIndex, read.MutationCount));
        Assert.Equal(TheIdentity, read.Identity);
        Assert.True(read.TryRead(out CommandMutation first));
        Assert.Equal(mutation.Kind, first.Kind);
        Assert.Equal("\u0002k"u8, first.Key);
        Assert.Equal(mutation.Value.Span, first.Value);
        Assert.Equal(end ?? [], first.End);
        Assert.Equal(mutation.Number, first.Number);
        Assert.Equal((int)(mutation.Expected?.KindCase ?? 0), (int)first.Expected);
        Assert.Equal((mutation.Expected?.Value ?? ByteString.Empty).Span, first.ExpectedValue);
        Assert.Equal(mutation.Expected?.Revision ?? 0, first.ExpectedRevision);
        Assert.True(read.TryRead(out CommandMutation second));
        Assert.Equal(MutationKind.Sequence, second.Kind);
        Assert.False(read.TryRead(out _));
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public void Read_CutAtAnyByte_IsMalformedAndNothingElse()
    {
        byte[] entry = EntryCodec.EncodeEntry(5, 1_000, [.. Guarded.Select(one => Encode(one.Mutation, one.End))]);
        ReadAll(entry);

        for (int length = 0; length < entry.Length; length++)
        {
            Assert.Throws<MalformedDataException>(() => ReadAll(entry.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Read_AnyByteChanged_ReadsOrIsRefusedByName()
    {
        byte[] entry = EntryCodec.EncodeEntry(5, 1_000, [.. Guarded.Select(one => Encode(one.Mutation, one.End))]);
        for (int at = 0; at < entry.Length; at++)
        {
            foreach (byte other in (byte[])[0, 9, 0x7F, 0x80, 0xFF])
            {
                byte[] damaged = [.. entry];
                damaged[at] = other;
                try
                {
                    ReadAll(damaged);
                }
                catch (Exception e) when (e is MalformedDataException or UnknownCommandException)
                {
                    // Told by name: that is all that is asked of it.
                }
            }
        }
    }

    [Fact]
    public void Read_UnknownVersionKindOrExpectation_IsUnknownByName()
    {
        byte[] sequence = Encode(Guarded[8].Mutation, null);
        byte[] compare = Encode(Guarded[5].Mutation, null);
        int body = 2 + (Identity.Length / 2) + 2;

        Assert.Contains("version 3", Unknown(sequence, at: 1, value: 3), StringComparison.Ordinal);
        Assert.Contains("mutation kind 9", Unknown(sequence, body, value: 9), StringComparison.Ordinal);
        Assert.Contains("expectation kind 0", Unknown(compare, body + 4, value: 0), StringComparison.Ordinal);

        // A plain command knows puts and deletes only.
        byte[] plain = EntryCodec.EncodeWrite(TheIdentity, [[2]], [new Mutation { Kind = MutationKind.Delete }]);
        Assert.Contains("mutation kind 2", Unknown(plain, plain.Length - 3, value: 2), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_RangeThatEndsBeforeItBegins_IsMalformed() => Assert.Throws<MalformedDataException>(
        () => ReadAll(EntryCodec.EncodeEntry(5, 1, [Encode(Guarded[7].Mutation, [2, (byte)'k'])])));

    [Fact]
    public void Read_NumberAboveTheGreatest_IsMalformed()
    {
        byte[] command = EntryCodec.EncodeWrite(
            TheIdentity, [[2]], [new Mutation { Kind = MutationKind.SequenceReset, Number = long.MaxValue }]);
        byte[] over = [.. command[..^1], 0xFF, 0x01];

        Assert.Throws<MalformedDataException>(() => ReadAll(EntryCodec.EncodeEntry(5, 1, [over])));
    }

    private static CommandIdentity TheIdentity => new(new SessionId(3, 4), 5, 1_000, 2);

    private static ByteString Utf8(string text) => ByteString.CopyFromUtf8(text);

    private static Mutation Compare(MutationKind kind, Expectation expected) => new()
    {
        Kind = kind,
        Key = Utf8("k"),
        Expected = expected,
        Value = kind == MutationKind.CompareAndPut ? Utf8("v") : ByteString.Empty,
    };

    private static byte[] Encode(Mutation mutation, byte[]? end) => EntryCodec.EncodeWrite(
        TheIdentity,
        [[2, (byte)'k'], [2, (byte)'k']],
        [mutation, new Mutation { Kind = MutationKind.Sequence, Number = 1 }],
        [end, null],
        firstIndex: 7);

    private static string Unknown(byte[] command, int at, byte value)
    {
        byte[] changed = [.. command];
        changed[at] = value;
        return Assert.Throws<UnknownCommandException>(
            () => ReadAll(EntryCodec.EncodeEntry(5, 1, [changed]))).Message;
    }

    private static void ReadAll(ReadOnlySpan<byte> entry)
    {
        var reader = new EntryReader(entry);
        while (reader.TryRead(out CommandReader command))
        {
            while (command.TryRead(out CommandMutation _))
            {
            }
        }
    }
}
