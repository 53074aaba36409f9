namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>A script is wrong, or what it expects is not so. The message says what; the file adds where.</summary>
internal sealed class ScenarioException(string message) : Exception(message);
