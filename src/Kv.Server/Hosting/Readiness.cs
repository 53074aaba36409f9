namespace Kv.Server.Hosting;

/// <summary>Whether this store serves, and if not, why. Read by health checks from any thread.</summary>
internal sealed class Readiness
{
    private volatile string? _whyNot = "starting";

    /// <summary>Null = serving.</summary>
    public string? WhyNot => _whyNot;

    public void Set(string? whyNot) => _whyNot = whyNot;
}
