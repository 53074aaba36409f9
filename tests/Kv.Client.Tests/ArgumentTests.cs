using Google.Protobuf;
using Kv.Client.Core;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>Wrong arguments are refused before anything is sent, naming the argument and the limit.</summary>
public sealed class ArgumentTests
{
    [Fact]
    public void EmptyKey_IsRefused()
    {
        var rig = new Rig();

        foreach (ClientOperation operation in new ClientOperation[]
        {
            new GetOperation(default), WriteOperation.Put(default, "v"u8), WriteOperation.Delete(default),
        })
        {
            var error = Assert.IsType<KvInvalidRequestException>(rig.Submit(operation).Error);
            Assert.Equal("key", error.Argument);
        }

        Assert.Empty(rig.SentMessages);
        Assert.Equal(0, rig.Pump.OutstandingCount);
    }

    public static TheoryData<string, string> WrongMutations => new()
    {
        { "expected", "expected: nothing is expected; give absent, value or revision" },
        { "no expectation", "expected: nothing is expected; give absent, value or revision" },
        { "revision 0", "expected: no write has revision 0; to expect no key, say absent" },
        { "absent", "expected: a key that is expected to be absent cannot be deleted; give a value or revision" },
        { "long", "expected: 1048577 bytes for key \"a\", the limit is 1048576" },
        { "negative", "number: -1, must be 0 or more" },
        { "empty key", "key: must not be empty" },
    };

    [Theory]
    [MemberData(nameof(WrongMutations))]
    public void WrongMutation_IsRefusedNamingTheField(string what, string message)
    {
        var rig = new Rig();
        var mutation = new Mutation { Kind = MutationKind.CompareAndDelete, Key = ByteString.CopyFromUtf8("a") };
        mutation.Expected = what switch
        {
            "expected" => default(KvExpectation).ToMessage(),
            "revision 0" => KvExpectation.Revision(0).ToMessage(),
            "absent" => KvExpectation.Absent.ToMessage(),
            "long" => KvExpectation.Value(new byte[(1024 * 1024) + 1]).ToMessage(),
            _ => null,
        };
        if (what is "negative" or "empty key")
        {
            mutation = new Mutation { Kind = MutationKind.Sequence, Number = what == "negative" ? -1 : 1 };
            mutation.Key = ByteString.CopyFromUtf8(what == "negative" ? "a" : "");
        }

        WriteOperation write = rig.Submit(WriteOperation.Of(mutation));

        Assert.Equal(message, Assert.IsType<KvInvalidRequestException>(write.Error).Message);
        Assert.Empty(rig.SentMessages);
    }

    [Fact]
    public void WrongRangesAndKeys_AreRefusedNamingTheArgument()
    {
        var rig = new Rig(new KvClientOptions
        {
            Seeds = [Messages.Address(1)], Limits = new Limits { MultiGetCountMax = 2 },
        });

        Assert.Equal("end", Argument(new DeleteRangeOperation("b"u8, "a"u8)));
        Assert.Equal("start", Argument(new DeleteRangeOperation(new byte[8193], default)));
        Assert.Equal("keys", Argument(new MultiGetOperation(["a"u8.ToArray(), "b"u8.ToArray(), "c"u8.ToArray()])));
        Assert.Equal("key", Argument(new MultiGetOperation(["a"u8.ToArray(), default])));
        Assert.Empty(rig.SentMessages);
        return;

        string Argument(ClientOperation operation) =>
            Assert.IsType<KvInvalidRequestException>(rig.Submit(operation).Error).Argument;
    }

    [Theory]
    [InlineData(8192, true)]
    [InlineData(8193, false)]
    public void LongKey_IsTakenUpToTheLimit(int bytes, bool taken)
    {
        var rig = new Rig();

        GetOperation get = rig.Submit(new GetOperation(new byte[bytes]));

        if (taken)
        {
            Assert.Null(get.Error);
        }
        else
        {
            var error = Assert.IsType<KvInvalidRequestException>(get.Error);
            Assert.Equal("key: 8193 bytes, the limit is 8192", error.Message);
        }
    }

    [Fact]
    public void ValueOverTheLimit_IsRefusedNamingTheKey()
    {
        var rig = new Rig();

        WriteOperation put = rig.Submit(WriteOperation.Put("a"u8, new byte[(1024 * 1024) + 1]));

        var error = Assert.IsType<KvInvalidRequestException>(put.Error);
        Assert.Equal("value: 1048577 bytes for key \"a\", the limit is 1048576", error.Message);
    }

    [Fact]
    public void BatchOverTheLimits_IsRefused()
    {
        var rig = new Rig(new KvClientOptions
        {
            Seeds = [Messages.Address(1)],
            Limits = new Limits { BatchCountMax = 2, BatchBytesMax = 10 },
        });

        string tooMany = Assert.IsType<KvInvalidRequestException>(rig.Submit(WriteOperation.Batch(
            new WriteBatch().Put("a", "").Put("b", "").Put("c", ""))).Error).Message;
        string tooLarge = Assert.IsType<KvInvalidRequestException>(rig.Submit(WriteOperation.Batch(
            new WriteBatch().Put("a", "1234567890"))).Error).Message;

        Assert.Equal("batch: 3 mutations, the limit is 2", tooMany);
        Assert.Equal("batch: 11 key and value bytes, the limit is 10", tooLarge);
    }

    [Fact]
    public void ScanThatEndsBeforeItStarts_IsRefused()
    {
        var rig = new Rig();

        var scan = rig.Submit(new ScanPageOperation { Start = Messages.Bytes("m"), End = Messages.Bytes("a") });

        Assert.Equal("end", Assert.IsType<KvInvalidRequestException>(scan.Error).Argument);
    }

    [Fact]
    public void EmptyRange_IsAnEmptyResult()
    {
        var rig = new Rig();

        var scan = rig.Submit(new ScanPageOperation { Start = Messages.Bytes("m"), End = Messages.Bytes("m") });

        Assert.Null(scan.Error);
        Assert.True(scan.Finished);
        Assert.Empty(scan.Rows);
    }

    [Theory]
    [InlineData("ab", "", "", "ab", "ac")]
    [InlineData("ab", "abc", "", "abc", "ac")]
    [InlineData("ab", "", "abx", "ab", "abx")]
    [InlineData("ab", "b", "", "b", "ac")]
    [InlineData("", "x", "z", "x", "z")]
    public void Prefix_NarrowsTheRange(
        string prefix, string start, string end, string expectedStart, string expectedEnd)
    {
        (ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> to) = ScanRange.Of(new ScanOptions
        {
            Prefix = Messages.Bytes(prefix),
            Start = Messages.Bytes(start),
            End = Messages.Bytes(end),
        });

        Assert.Equal(Messages.Bytes(expectedStart), from.ToArray());
        Assert.Equal(Messages.Bytes(expectedEnd), to.ToArray());
    }

    [Fact]
    public async Task Connect_WithoutSeedsOrWithAZeroBudget_IsAnArgumentError()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => KvClient.ConnectAsync());
        await Assert.ThrowsAsync<ArgumentException>(() => KvClient.ConnectAsync(
            new KvClientOptions { Seeds = ["a:1"], OperationTimeout = TimeSpan.Zero }));
    }
}
