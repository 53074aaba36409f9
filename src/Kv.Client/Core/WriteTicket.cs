namespace Kv.Client.Core;

/// <summary>
/// One sequence number of the session; shared by the parts into which a write was cut after its first send.
/// </summary>
internal sealed class WriteTicket(ulong sequence)
{
    public ulong Sequence { get; } = sequence;

    /// <summary>Calls that may still send it.</summary>
    public int HolderCount { get; set; } = 1;
}
