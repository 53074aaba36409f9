using System.Globalization;
using System.Text;
using Kv.Base;

namespace Kv.Ctl.Tests;

/// <summary>Bytes that try the text forms: of every kind, and with the prefixes that mean something.</summary>
internal static class RandomRows
{
    private static readonly string[] Starts = [
        "", "", "0x", "b64:", "text:", "-", "--", "@", " ", "\t", "{", "\"", "\\", "/?"];

    /// <summary>KV_TEST_SEED, or one drawn anew; printed either way.</summary>
    public static ulong Seed()
    {
        string? given = Environment.GetEnvironmentVariable("KV_TEST_SEED");
        ulong seed = given is null
            ? (ulong)Random.Shared.NextInt64()
            : ulong.Parse(given, CultureInfo.InvariantCulture);
        TestContext.Current.SendDiagnosticMessage("KV_TEST_SEED={0}", seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"KV_TEST_SEED={seed}");
        return seed;
    }

    public static byte[] Bytes(DeterministicRandom random, int lengthMax)
    {
        int kind = random.Next(4);
        int length = random.Next(lengthMax + 1);
        var bytes = new List<byte>(Encoding.UTF8.GetBytes(Starts[random.Next(Starts.Length)]));
        for (int i = 0; i < length; i++)
        {
            switch (kind)
            {
                case 0:
                    bytes.Add((byte)random.Next(256));
                    break;
                case 1:
                    bytes.Add((byte)(0x20 + random.Next(0x5f)));
                    break;
                case 2:
                    bytes.AddRange(AnyRune(random));
                    break;
                default:
                    bytes.Add("0123456789abcdefx: \n"u8[random.Next(20)]);
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] AnyRune(DeterministicRandom random)
    {
        int value = random.Next(0x110000);
        return Encoding.UTF8.GetBytes((Rune.IsValid(value) ? new Rune(value) : new Rune('é')).ToString());
    }
}
