using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal static class ReadModes
{
    public static ReadMode ToMessage(KvReadMode mode) => mode switch
    {
        KvReadMode.Lease => ReadMode.Lease,
        KvReadMode.ReadIndex => ReadMode.ReadIndex,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "no such read mode"),
    };
}
