namespace Kv.Cluster.Tests;

/// <summary>One cluster of three stores that the tests of a class share; each test has keys of its own.</summary>
public sealed class ThreeStores : IAsyncLifetime
{
    private TestCluster? _cluster;

    internal TestCluster Cluster => _cluster!;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public ValueTask DisposeAsync() =>
        Interlocked.Exchange(ref _cluster, null)?.DisposeAsync() ?? ValueTask.CompletedTask;
}
