// Owns the one prefix byte that tells system from user data (Key law). It is added and stripped at the server's door
// and never leaves the server: kv.v1 can neither name nor see a system key.
namespace Kv.Protocol;

public static class KeySpace
{
    public const byte SystemPrefix = 0x01;

    public const byte UserPrefix = 0x02;

    private const byte PastUserPrefix = 0x03;

    /// <summary>Bounds of the system region.</summary>
    public static byte[] SystemStart => [SystemPrefix];

    public static byte[] SystemEnd => [UserPrefix];

    /// <summary>Bounds of everything that users can store.</summary>
    public static byte[] UserStart => [UserPrefix];

    public static byte[] UserEnd => [PastUserPrefix];

    public static byte[] ToInternal(ReadOnlySpan<byte> userKey) => WithPrefix(UserPrefix, userKey);

    /// <summary>An end bound given by a caller: empty means to the last key.</summary>
    public static byte[] EndToInternal(ReadOnlySpan<byte> userEnd) => userEnd.IsEmpty ? UserEnd : ToInternal(userEnd);

    public static byte[] SystemKey(ReadOnlySpan<byte> name) => WithPrefix(SystemPrefix, name);

    /// <summary>The caller's key behind an internal user key.</summary>
    public static ReadOnlySpan<byte> ToUser(ReadOnlySpan<byte> internalKey) => internalKey[1..];

    /// <summary>A region's start in the caller's keys; the system region shows as empty.</summary>
    public static ReadOnlySpan<byte> StartToUser(ReadOnlySpan<byte> internalStart) =>
        internalStart.Length > 0 && internalStart[0] == UserPrefix ? internalStart[1..] : default;

    /// <summary>A region's end in the caller's keys; the end of the user space is empty.</summary>
    public static ReadOnlySpan<byte> EndToUser(ReadOnlySpan<byte> internalEnd) =>
        internalEnd.Length > 0 && internalEnd[0] == UserPrefix ? internalEnd[1..] : default;

    private static byte[] WithPrefix(byte prefix, ReadOnlySpan<byte> key)
    {
        byte[] result = new byte[key.Length + 1];
        result[0] = prefix;
        key.CopyTo(result.AsSpan(1));
        return result;
    }
}
