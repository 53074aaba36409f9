namespace Kv.Engine.Tests.Engines;

public sealed class RocksDbConformanceTests : EngineConformance
{
    protected override EngineHarness NewHarness() => new RocksDbHarness();
}

public sealed class MemoryConformanceTests : EngineConformance
{
    protected override EngineHarness NewHarness() => new MemoryHarness();
}
