using Kv.Protocol.Placement.V1;

namespace Kv.Placement;

/// <summary>Answer to a store that asks to join: exactly one of the three is set.</summary>
/// <param name="Response">An identity, or whom to ask instead.</param>
/// <param name="Refusal">A definite no, one line for people: asking again is of no use.</param>
/// <param name="NotReady">Not now, and why: ask again.</param>
public readonly record struct JoinAnswer(JoinResponse? Response, string? Refusal, string? NotReady);
