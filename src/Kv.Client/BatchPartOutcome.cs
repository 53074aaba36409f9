namespace Kv.Client;

/// <summary>What became of one part of a batch.</summary>
public enum BatchPartOutcome
{
    /// <summary>The part has not taken effect and never will.</summary>
    NotApplied = 0,

    /// <summary>The part took effect, all of its mutations together.</summary>
    Applied = 1,

    /// <summary>The part may have taken effect, or may still; if so, all of its mutations together.</summary>
    Undetermined = 2,

    /// <summary>
    /// A condition of the part did not hold, so that nothing of it took effect, and never will. That is an answer, not
    /// an error.
    /// </summary>
    ConditionFailed = 3,
}
