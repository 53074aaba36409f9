using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Google.Protobuf;
using Kv.Rpc.Tests.Proto;
using Kv.Rpc.Wire;

namespace Kv.Rpc.Tests;

/// <summary>The small pieces of the wire, without sockets.</summary>
public sealed class WireTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("1H", 36_000_000_000L)]
    [InlineData("2M", 1_200_000_000L)]
    [InlineData("3S", 30_000_000L)]
    [InlineData("4m", 40_000L)]
    [InlineData("5u", 50L)]
    [InlineData("600n", 6L)]
    [InlineData("1n", 1L)]
    [InlineData("0n", 0L)]
    [InlineData("00000007m", 70_000L)]
    [InlineData("99999999S", 20_736_000_000_000L)]
    [InlineData("99999999H", 20_736_000_000_000L)]
    public void Timeout_WellFormed_IsRead(string text, long ticks)
    {
        Assert.True(TimeoutHeader.TryParse(text, out TimeSpan timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData(" 1S")]
    [InlineData("1.5S")]
    [InlineData("100000000n")]
    [InlineData("١S")]
    public void Timeout_Malformed_IsRefused(string text) => Assert.False(TimeoutHeader.TryParse(text, out _));

    [Theory]
    [InlineData(0L, "0u")]
    [InlineData(-5L, "0u")]
    [InlineData(1L, "1u")]
    [InlineData(11L, "2u")]
    [InlineData(999_999_990L, "99999999u")]
    [InlineData(999_999_991L, "100000m")]
    [InlineData(36_000_000_000L * 24, "86400000m")]
    [InlineData(long.MaxValue, "2073600S")]
    public void Timeout_Formatted_RoundsUpAndReadsBackNoShorter(long ticks, string expected)
    {
        string text = TimeoutHeader.Format(TimeSpan.FromTicks(ticks));
        Assert.Equal(expected, text);
        Assert.True(TimeoutHeader.TryParse(text, out TimeSpan back));
        Assert.True(back >= TimeoutHeader.Clamp(TimeSpan.FromTicks(ticks)));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("plain text ~!", "plain text ~!")]
    [InlineData("100%", "100%25")]
    [InlineData("a\r\nb", "a%0D%0Ab")]
    [InlineData("é", "%C3%A9")]
    [InlineData("😀", "%F0%9F%98%80")]
    public void StatusMessage_AnyText_IsPercentEncodedAndReadBack(string text, string encoded)
    {
        Assert.Equal(encoded, StatusMessage.Encode(text));
        Assert.Equal(text, StatusMessage.Decode(encoded));
    }

    [Theory]
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz", "%zz")]
    [InlineData("%41%", "A%")]
    [InlineData("%c3%a9", "é")]
    [InlineData("%FF", "\uFFFD")]
    public void StatusMessage_BadEscapes_AreKeptAsTheyCame(string encoded, string text) =>
        Assert.Equal(text, StatusMessage.Decode(encoded));

    [Fact]
    public void StatusMessage_OverLong_IsCut() =>
        Assert.True(StatusMessage.Encode(new string('x', 100_000)).Length < 2 * StatusMessage.CharsMax);

    [Theory]
    [InlineData("", "")]
    [InlineData("AA", "00")]
    [InlineData("AA==", "00")]
    [InlineData("AAE", "0001")]
    [InlineData("AAE=", "0001")]
    [InlineData(" AAEC ", "000102")]
    [InlineData("/+8", "FFEF")]
    public void BinaryHeader_WithAndWithoutPadding_IsRead(string text, string hex)
    {
        Assert.True(BinaryHeader.TryDecode(text, out byte[]? bytes));
        Assert.Equal(hex, Convert.ToHexString(bytes));
    }

    [Theory]
    [InlineData("A")]
    [InlineData("AAAAA")]
    [InlineData("A*==")]
    [InlineData("Aé")]
    public void BinaryHeader_NoBase64_IsRefused(string text) => Assert.False(BinaryHeader.TryDecode(text, out _));

    [Fact]
    public void Metadata_ReceivedCommaList_BecomesSeveralValues()
    {
        Metadata metadata = new();
        metadata.AddReceived("X-Blob-Bin", "AAE,AAI=, AAM");
        Assert.Equal(
            ["0001", "0002", "0003"], metadata.GetAll("x-blob-bin").Select(e => Convert.ToHexString(e.Bytes.Span)));
    }

    [Theory]
    [InlineData("grpc-timeout")]
    [InlineData("grpc-anything")]
    [InlineData("te")]
    [InlineData("content-type")]
    [InlineData("host")]
    [InlineData(":path")]
    [InlineData("with space")]
    [InlineData("über")]
    [InlineData("new\nline")]
    [InlineData("")]
    public void Metadata_ReservedOrMalformedKey_IsRefused(string key) =>
        Assert.ThrowsAny<ArgumentException>(() => new Metadata().Add(key, "value"));

    [Theory]
    [InlineData("new\nline")]
    [InlineData("é")]
    [InlineData("\0")]
    public void Metadata_TextThatIsNotPrintableAscii_IsRefused(string text) =>
        Assert.Throws<ArgumentException>(() => new Metadata().Add("x-key", text));

    [Fact]
    public void Metadata_TextUnderBinaryKeyOrBytesUnderTextKey_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new Metadata().Add("x-bin", "text"));
        Assert.Throws<ArgumentException>(() => new Metadata().Add("x-text", new byte[1]));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("x", "y"));
    }

    [Fact]
    public async Task FrameReader_MessagesCutAtEveryByte_AreReadWhole()
    {
        ArrayBufferWriter<byte> bytes = new();
        EchoRequest[] sent = [new() { Text = "one" }, new(), new() { Text = new string('x', 300), Count = 7 }];
        foreach (EchoRequest message in sent)
        {
            byte[] body = message.ToByteArray();
            bytes.Write(RawRequest.Frame(body));
        }

        for (int cut = 0; cut <= bytes.WrittenCount; cut++)
        {
            Pipe pipe = new();
            FrameReader reader = new(pipe.Reader, messageBytesMax: 1000, MessageEncoding.Identity);
            await pipe.Writer.WriteAsync(bytes.WrittenMemory[..cut], Token);
            Task<List<EchoRequest>> reading = ReadAllAsync(reader);
            await pipe.Writer.WriteAsync(bytes.WrittenMemory[cut..], Token);
            await pipe.Writer.CompleteAsync();
            Assert.Equal(sent, await reading);
        }
    }

    [Fact]
    public async Task FrameReader_StreamCutAtEveryByte_IsOkOnlyBetweenMessages()
    {
        byte[] body = new EchoRequest { Text = "one" }.ToByteArray();
        byte[] bytes = [0, 0, 0, 0, (byte)body.Length, .. body];
        for (int length = 0; length <= bytes.Length; length++)
        {
            Pipe pipe = new();
            FrameReader reader = new(pipe.Reader, messageBytesMax: 1000, MessageEncoding.Identity);
            await pipe.Writer.WriteAsync(bytes.AsMemory(0, length), Token);
            await pipe.Writer.CompleteAsync();
            if (length == 0 || length == bytes.Length)
            {
                Assert.Equal(length == 0 ? 0 : 1, (await ReadAllAsync(reader)).Count);
            }
            else
            {
                RpcException e = await Assert.ThrowsAsync<RpcException>(() => ReadAllAsync(reader));
                Assert.Equal(StatusCode.Internal, e.StatusCode);
            }
        }
    }

    [Fact]
    public async Task FrameReader_LengthOverTheLimit_IsRefusedBeforeItsBytesCome()
    {
        foreach (uint length in new[] { 1001u, 0x7FFF_FFFFu, 0x8000_0000u, 0xFFFF_FFFFu })
        {
            Pipe pipe = new();
            FrameReader reader = new(pipe.Reader, messageBytesMax: 1000, MessageEncoding.Identity);
            await pipe.Writer.WriteAsync(
                new byte[] { 0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length }, Token);
            RpcException e = await Assert.ThrowsAsync<RpcException>(
                async () => await reader.ReadAsync(EchoRequest.Parser, Token));
            Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task FrameReader_RandomBytes_NeverFailOtherThanWithAStatus(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 1000; round++)
        {
            byte[] bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            if (bytes.Length > 5 && random.Next(4) > 0)
            {
                // A right prefix, so that the body is reached.
                bytes.AsSpan(0, 4).Clear();
                bytes[0] = (byte)random.Next(2);
                bytes[4] = (byte)(bytes.Length - 5);
            }

            Pipe pipe = new();
            FrameReader reader = new(pipe.Reader, messageBytesMax: 1000, MessageEncoding.Gzip);
            await pipe.Writer.WriteAsync(bytes, Token);
            await pipe.Writer.CompleteAsync();
            try
            {
                await ReadAllAsync(reader);
            }
            catch (RpcException e)
            {
                Assert.True(e.StatusCode is StatusCode.Internal or StatusCode.ResourceExhausted, $"seed {seed}: {e}");
            }
        }
    }

    [Fact]
    public void Gzip_Compressed_ReadsBackAndStopsAtTheLimit()
    {
        EchoRequest message = new() { Text = new string('x', 1_000_000) };
        ReadOnlyMemory<byte> packed = GzipCodec.Compress(message, message.CalculateSize());
        Assert.True(packed.Length < 10_000);
        using (GzipOutput plain = GzipCodec.Decompress(new ReadOnlySequence<byte>(packed), 2_000_000))
        {
            Assert.Equal(message, EchoRequest.Parser.ParseFrom(plain.Span));
        }

        RpcException e = Assert.Throws<RpcException>(() =>
        {
            using GzipOutput plain = GzipCodec.Decompress(new ReadOnlySequence<byte>(packed), 999_999);
        });
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("Application/GRPC", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc;charset=utf-8", true)]
    [InlineData("application/grpc+proto; a=b", true)]
    [InlineData("application/grpc+json", false)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpcx", false)]
    [InlineData("application/json", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void ContentType_OnlyGrpcWithProtocolBuffers_IsTaken(string? contentType, bool isGrpc) =>
        Assert.Equal(isGrpc, GrpcHeaders.IsGrpc(contentType));

    [Fact]
    public void Utf8_OfAReceivedHeader_IsKept()
    {
        Metadata metadata = new();
        metadata.AddReceived("x-text", "é");
        Assert.Equal("é", metadata.GetText("X-TEXT"));
        Assert.Equal(1, Encoding.ASCII.GetByteCount(metadata.GetText("x-text")!));
    }

    private static async Task<List<EchoRequest>> ReadAllAsync(FrameReader reader)
    {
        List<EchoRequest> messages = [];
        while (await reader.ReadAsync(EchoRequest.Parser, Token) is { } message)
        {
            messages.Add(message);
        }

        return messages;
    }
}
