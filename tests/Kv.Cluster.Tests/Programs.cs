using System.Reflection;

namespace Kv.Cluster.Tests;

/// <summary>Where the programs under test are: the ones built together with these tests.</summary>
internal static class Programs
{
    public static string KvServer => Find("Kv.Server", "kvserver");

    public static string KvCtl => Find("Kv.Ctl", "kvctl");

    /// <summary>Where the whole test run puts its results; not made.</summary>
    public static string ResultsFolder =>
        Path.Combine(Path.GetFullPath(Metadata("RepositoryRoot")), "artifacts", "test-results");

    private static string Find(string project, string program)
    {
        string root = Path.GetFullPath(Metadata("RepositoryRoot"));
        string path = Path.Combine(root, "src", project, "bin", Metadata("Configuration"), "net10.0", program);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{program} is not built: {path}");
    }

    private static string Metadata(string key) =>
        typeof(Programs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(item => item.Key == key).Value!;
}
