namespace Kv.Cluster.Tests;

/// <summary>A folder for one test; gone with everything in it when the test ends.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kvtest-").FullName;

    /// <summary>A path in it; nothing is made.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
