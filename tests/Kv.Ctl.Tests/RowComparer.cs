namespace Kv.Ctl.Tests;

internal sealed class RowComparer : IEqualityComparer<(byte[] Key, byte[] Value)>
{
    public static readonly RowComparer Instance = new();

    public bool Equals((byte[] Key, byte[] Value) x, (byte[] Key, byte[] Value) y) =>
        x.Key.AsSpan().SequenceEqual(y.Key) && x.Value.AsSpan().SequenceEqual(y.Value);

    public int GetHashCode((byte[] Key, byte[] Value) row) => row.Key.Length;
}
