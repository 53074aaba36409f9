namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>What of a core a reader would want to see change. Taken before an input, told after it.</summary>
internal readonly record struct Seen(
    Role Role,
    ulong Term,
    ulong Vote,
    ulong Leader,
    ulong Committed,
    string Conf,
    ulong TransferTarget,
    bool IsAsleep,
    long Dropped)
{
    public static Seen Of(RaftPeer core) => new(
        core.Role, core.Term.Value, core.Vote.Value, core.Leader.Value, core.Committed.Value,
        ScriptWords.Conf(core.Conf), core.TransferTarget.Value, core.IsAsleep, core.Status().DroppedMessageCount);

    public void Tell(RaftPeer core, Transcript transcript)
    {
        Seen after = Of(core);
        if (after.Dropped > Dropped)
        {
            transcript.Line($"{core.Id} drops it");
        }

        if (after.IsAsleep != IsAsleep)
        {
            transcript.Line(after.IsAsleep ? $"{core.Id} sleeps" : $"{core.Id} wakes");
        }

        if (after.Term != Term || after.Role != Role || after.Leader != Leader)
        {
            transcript.Line($"{core.Id} is {RoleOf(after)}, term {after.Term}");
        }

        if (after.Vote != Vote && after.Vote != 0 && after.Vote != core.Id.Value)
        {
            transcript.Line($"{core.Id} votes for {after.Vote} in term {after.Term}");
        }

        if (after.TransferTarget != TransferTarget)
        {
            transcript.Line(after.TransferTarget == 0
                ? $"{core.Id} hands over no more"
                : $"{core.Id} hands over to {after.TransferTarget}");
        }

        if (after.Conf != Conf)
        {
            transcript.Line($"{core.Id} has {after.Conf}");
        }

        if (after.Committed != Committed)
        {
            transcript.Line($"{core.Id} commits to {after.Committed}");
        }
    }

    private static string RoleOf(Seen seen) => seen.Role == Role.Follower
        ? seen.Leader == 0 ? "follower of nobody" : $"follower of {seen.Leader}"
        : ScriptWords.Role(seen.Role);
}
