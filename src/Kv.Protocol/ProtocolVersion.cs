namespace Kv.Protocol;

/// <summary>
/// Version of what stores say to each other. Stores with different versions refuse each other by name.
/// </summary>
public static class ProtocolVersion
{
    public const uint Current = 1;
}
