namespace Kv.Server.Options;

/// <summary>One setting: its key, what it is for, and how its text changes the options.</summary>
/// <param name="Key">As in a configuration file: <c>log.bytesMax</c>.</param>
/// <param name="Help">One line for people.</param>
/// <param name="IsList">Takes several values (an array in a file, commas elsewhere).</param>
/// <param name="Apply">Throws <see cref="FormatException"/> with what is allowed.</param>
internal sealed record Setting(
    string Key, string Help, bool IsList, Func<ServerOptions, IReadOnlyList<string>, ServerOptions> Apply)
{
    /// <summary><c>log.bytesMax</c> is <c>KV_LOG_BYTESMAX</c>.</summary>
    public string Variable => "KV_" + Key.Replace('.', '_').ToUpperInvariant();
}
