using System.Security.Cryptography;
using System.Text;
using Kv.Base;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Tests.Transfer;

public sealed class LineReaderTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData("a", new[] { "a" })]
    [InlineData("a\n", new[] { "a" })]
    [InlineData("a\r\n\nb", new[] { "a", "", "b" })]
    public async Task ReadAsync_Lines_AreSplitAtLineEnds(string text, string[] expected) =>
        Assert.Equal(expected, await ReadAsync(Encoding.UTF8.GetBytes(text), lineBytesMax: 10, chunkBytes: 1));

    [Fact]
    public async Task ReadAsync_RandomLinesInRandomChunks_GivesLinesNumbersOffsetsAndHash()
    {
        ulong seed = RandomRows.Seed();
        var random = new DeterministicRandom(seed);
        for (int run = 0; run < 50; run++)
        {
            string[] lines = Enumerable.Range(0, random.Next(20)).Select(_ =>
                new string('x', random.Next(200_000) / (1 + random.Next(1000)))).ToArray();
            byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n")));
            using var input = new ChunkedStream(bytes, 1 + random.Next(100_000));
            using var reader = new LineReader(input, lineBytesMax: 100_000);
            long offset = 0;
            for (int i = 0; i < lines.Length; i++)
            {
                InputLine? line = await reader.ReadAsync(TestContext.Current.CancellationToken);
                Assert.NotNull(line);
                offset += lines[i].Length + 1;
                Assert.Equal(lines[i].Length > 100_000, line.Value.IsTooLong);
                Assert.Equal(line.Value.IsTooLong ? 0 : lines[i].Length, line.Value.Bytes.Length);
                Assert.Equal(i + 1, reader.LineNumber);
                Assert.Equal(offset, reader.Offset);
                Assert.Equal(SHA256.HashData(bytes.AsSpan(0, (int)offset)), reader.HashSoFar());
            }

            Assert.Null(await reader.ReadAsync(TestContext.Current.CancellationToken));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task ReadAsync_TooLongLine_IsPassedOverAndCounted(int chunkBytes)
    {
        byte[] bytes = Encoding.UTF8.GetBytes("short\n" + new string('x', 200_000) + "\nafter\n");

        Assert.Equal(["short", "(too long)", "after"], await ReadAsync(bytes, lineBytesMax: 10, chunkBytes));
    }

    private static async Task<List<string>> ReadAsync(byte[] bytes, int lineBytesMax, int chunkBytes)
    {
        using var input = new ChunkedStream(bytes, chunkBytes);
        using var reader = new LineReader(input, lineBytesMax);
        var lines = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken) is { } line)
        {
            lines.Add(line.IsTooLong ? "(too long)" : Encoding.UTF8.GetString(line.Bytes.Span));
        }

        return lines;
    }

    /// <summary>Hands out so many bytes at a time, as a pipe may.</summary>
    private sealed class ChunkedStream(byte[] bytes, int chunkBytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, chunkBytes)], cancellationToken);
    }
}
