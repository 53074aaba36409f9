// Owns what apply tells of one command to whoever watches it.
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>A command that was decided for the first time: executed, or found to be without effect.</summary>
/// <param name="Region">The region.</param>
/// <param name="Index">Its entry in the region's log.</param>
/// <param name="Identity">Who sent it (Once law).</param>
/// <param name="Revision">The revision it was given.</param>
/// <param name="Told">What it has to tell; null = it was applied and has nothing to tell.</param>
public readonly record struct AppliedCommand(
    RegionId Region, LogIndex Index, CommandIdentity Identity, ulong Revision, WriteResult? Told);
