namespace Kv.Testing.Files;

/// <summary>
/// The simulated machine lost power at this operation. Only the test catches it, crashes the disk and starts anew.
/// </summary>
public sealed class PowerCutException(long operation) : Exception($"power cut at disk operation {operation}")
{
    public long Operation { get; } = operation;
}
