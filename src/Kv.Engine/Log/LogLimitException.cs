namespace Kv.Engine.Log;

/// <summary>An entry or a batch is above its limit. Nothing was written and the log lives on.</summary>
public sealed class LogLimitException(string message) : Exception(message);
