namespace Kv.Ctl.Playground;

/// <summary>
/// A cluster of local processes cannot be started or stopped; one line that names the store and what to do.
/// </summary>
internal sealed class LocalClusterException(string message, Exception? cause = null) : Exception(message, cause);
