using Google.Protobuf;
using Google.Protobuf.Collections;
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Protocol.Tests.Commands;

public sealed class ResultCodecTests
{
    private static readonly RepeatedField<MutationResult> Results =
    [
        new MutationResult(),
        new MutationResult { Index = 1, Found = true, Value = ByteString.CopyFromUtf8("v"), Revision = 300 },
        new MutationResult { Index = 2, Failed = true, Found = true, Revision = 1 },
        new MutationResult { Index = 200, Found = true, ValueDropped = true, Revision = 2 },
        new MutationResult { Index = 201, Failed = true, Start = long.MaxValue },
    ];

    [Fact]
    public void Encode_IsTheseBytes_AndDecodesToTheSame()
    {
        byte[]? bytes = ResultCodec.Encode(Results, 64);

        Assert.NotNull(bytes);
        Assert.Equal(
            "0000" + "0102AC020176" + "02030100" + "C8010602" + "C90109FFFFFFFFFFFFFFFF7F", Convert.ToHexString(bytes));
        Assert.Equal(Results, Decode(bytes));
    }

    [Fact]
    public void Encode_MoreBytesThanAllowed_IsNothing()
    {
        byte[] bytes = ResultCodec.Encode(Results, 64)!;

        Assert.NotNull(ResultCodec.Encode(Results, bytes.Length));
        Assert.Null(ResultCodec.Encode(Results, bytes.Length - 1));
        Assert.Null(ResultCodec.Encode(Results, 0));
    }

    [Fact]
    public void Decode_CutAtAnyByte_IsMalformedOrFewerResults()
    {
        byte[] bytes = ResultCodec.Encode(Results, 64)!;
        for (int length = 0; length < bytes.Length; length++)
        {
            try
            {
                RepeatedField<MutationResult> some = Decode(bytes.AsSpan(0, length));
                Assert.Equal(Results.Take(some.Count), some);
                Assert.True(some.Count < Results.Count);
            }
            catch (MalformedDataException)
            {
                // Not at the end of a result.
            }
        }
    }

    [Fact]
    public void Decode_UnknownFlag_IsMalformed() =>
        Assert.Throws<MalformedDataException>(() => Decode([0, 16]));

    private static RepeatedField<MutationResult> Decode(ReadOnlySpan<byte> bytes)
    {
        var results = new RepeatedField<MutationResult>();
        ResultCodec.Decode(bytes, results);
        return results;
    }
}
