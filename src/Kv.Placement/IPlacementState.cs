using Kv.Protocol.V1;

namespace Kv.Placement;

/// <summary>
/// The driver's replicated state. The server binds it to the system region; tests to a list. Keys are names inside the
/// system region, without its prefix byte.
/// </summary>
public interface IPlacementState
{
    /// <summary>
    /// Reads everything, at a moment after the current leadership began. Null = it cannot be read now: ask again later.
    /// <paramref name="done"/> may be called from any thread, once.
    /// </summary>
    void Load(Action<IReadOnlyList<(byte[] Key, byte[] Value)>?> done);

    /// <summary>
    /// Writes the mutations together, only if this store leads the system region in <paramref name="term"/>. True =
    /// committed; false = not, or not known. <paramref name="done"/> may be called from any thread, once.
    /// </summary>
    void Propose(IReadOnlyList<Mutation> mutations, ulong term, Action<bool> done);
}
