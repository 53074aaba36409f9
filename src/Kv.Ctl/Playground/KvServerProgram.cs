namespace Kv.Ctl.Playground;

/// <summary>
/// Finds the kvserver program: beside the program that asks, else where the variable KVSERVER_PATH says.
/// </summary>
internal static class KvServerProgram
{
    public const string Variable = "KVSERVER_PATH";

    /// <param name="besideFolder">The folder of the running program.</param>
    /// <param name="variable">The value of <see cref="Variable"/>; null or empty when it is not set.</param>
    /// <exception cref="LocalClusterException">There is none; the message says where it was looked for.</exception>
    public static string Find(string besideFolder, string? variable)
    {
        string name = OperatingSystem.IsWindows() ? "kvserver.exe" : "kvserver";
        string beside = Path.Combine(besideFolder, name);
        if (File.Exists(beside))
        {
            return beside;
        }

        if (string.IsNullOrEmpty(variable))
        {
            throw new LocalClusterException(
                $"there is no kvserver at {beside}; put it there, or set {Variable} to its path");
        }

        if (File.Exists(variable))
        {
            return Path.GetFullPath(variable);
        }

        string inside = Path.Combine(variable, name);
        if (Directory.Exists(variable) && File.Exists(inside))
        {
            return Path.GetFullPath(inside);
        }

        throw new LocalClusterException(
            $"there is no kvserver at {beside}, nor at {variable} where {Variable} points; set {Variable} to the "
                + "path of the program");
    }
}
