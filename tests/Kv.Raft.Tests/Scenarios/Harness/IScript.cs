namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>What carries out the commands of one scenario file, in order, and says what happened.</summary>
internal interface IScript
{
    /// <exception cref="ScenarioException">Unknown command, wrong argument, or an expectation that does not
    /// hold.</exception>
    void Run(ScriptCommand command, Transcript transcript);
}
