// Owns the order in which settings are taken: built in, file, environment, command line. An unknown key is refused by
// name wherever it stands; a wrong value by key, with what is allowed.
using System.Collections;
using System.Net;

namespace Kv.Server.Options;

/// <summary>Reads everything the process is told.</summary>
internal static class OptionsReader
{
    private const string Prefix = "KV_";

    /// <summary>
    /// Variables that are not settings: fault injection, where librocksdb is, and what tests of the project use.
    /// </summary>
    private static readonly string[] OtherVariables = ["KV_FAULTS", "KV_ROCKSDB_LIBRARY", "KV_CONFIG"];

    private static readonly Dictionary<string, Setting> ByKey =
        SettingTable.All.ToDictionary(static setting => setting.Key, StringComparer.Ordinal);

    private static readonly Dictionary<string, Setting> ByVariable =
        SettingTable.All.ToDictionary(static setting => setting.Variable, StringComparer.Ordinal);

    /// <summary>Throws <see cref="StartException"/> naming what is wrong.</summary>
    public static ServerOptions Read(CommandLine line, IDictionary environment)
    {
        var options = new ServerOptions();
        string? file = line.ConfigFile ?? environment["KV_CONFIG"] as string;
        foreach ((string key, IReadOnlyList<string> values) in file is null ? [] : ConfigFile.Read(file))
        {
            options = Apply(options, key, values, $"{file}: {key}");
        }

        foreach (string variable in Variables(environment))
        {
            if (!ByVariable.TryGetValue(variable, out Setting? setting))
            {
                throw new StartException(
                    ExitCode.Configuration,
                        $"environment variable {variable} is not a setting; kvserver --help lists them");
            }

            options = Apply(options, setting.Key, Split(setting, (string)environment[variable]!), variable);
        }

        foreach ((string key, string value, string said) in line.Settings)
        {
            Setting? setting = ByKey.GetValueOrDefault(key);
            options = Apply(options, key, setting is null ? [value] : Split(setting, value), said);
        }

        Check(options);
        return options;
    }

    public static string Help()
    {
        var text = new System.Text.StringBuilder();
        text.AppendLine(
            "kvserver [--config FILE] [--data FOLDER] [--listen-client ADDRESS:PORT] [--listen-peer ADDRESS:PORT]");
        text.AppendLine(
            "         [--listen-http ADDRESS:PORT] [--wait-init | --join ADDRESS:PORT,…] [--engine rocksdb|memory]");
        text.AppendLine(
            "         [--log-level LEVEL] [--log-format text|json] [--set KEY=VALUE]… [--version] [--help]");
        text.AppendLine();
        text.AppendLine("Settings, in a file, as environment variable or by --set; later ones win:");
        foreach (Setting setting in SettingTable.All)
        {
            text.AppendLine($"  {setting.Key,-32} {setting.Help} ({setting.Variable})");
        }

        return text.ToString();
    }

    private static IEnumerable<string> Variables(IDictionary environment) => environment.Keys
        .Cast<string>()
        .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal)
            && !OtherVariables.Contains(name, StringComparer.Ordinal)
            && !name.StartsWith("KV_TEST_", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static IReadOnlyList<string> Split(Setting setting, string value) => setting.IsList
        ? value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        : [value];

    private static ServerOptions Apply(ServerOptions options, string key, IReadOnlyList<string> values, string said)
    {
        if (!ByKey.TryGetValue(key, out Setting? setting))
        {
            throw new StartException(ExitCode.Configuration,
                $"{said} is not a setting{Nearest(key)}; kvserver --help lists them");
        }

        if (!setting.IsList && values.Count != 1)
        {
            throw new StartException(ExitCode.Configuration, $"{said} takes one value, not {values.Count}");
        }

        try
        {
            return setting.Apply(options, values);
        }
        catch (FormatException e)
        {
            throw new StartException(
                ExitCode.Configuration, $"{said} cannot be {string.Join(",", values)}: allowed is {e.Message}");
        }
    }

    private static string Nearest(string key)
    {
        string? near = SettingTable.All
            .Select(static setting => setting.Key)
            .FirstOrDefault(known => string.Equals(known, key, StringComparison.OrdinalIgnoreCase)
                || known.EndsWith("." + key, StringComparison.OrdinalIgnoreCase));
        return near is null ? "" : $" (did you mean {near}?)";
    }

    private static void Check(ServerOptions options)
    {
        IPEndPoint[] points = [options.ListenClient, options.ListenPeer, options.ListenHttp];
        string[] keys = ["listen.client", "listen.peer", "listen.http"];
        for (int i = 0; i < points.Length; i++)
        {
            if (!IPAddress.IsLoopback(points[i].Address) && !options.AllowPlaintext)
            {
                throw new StartException(
                    ExitCode.Configuration,
                    $"{keys[i]} {points[i]} can be reached from outside without TLS: set listen.allowPlaintext "
                    + $"to true if you want that");
            }

            for (int j = 0; j < i; j++)
            {
                if (points[i].Equals(points[j]))
                {
                    throw new StartException(ExitCode.Configuration, $"{keys[j]} and {keys[i]} are both {points[i]}");
                }
            }
        }

        string[] advertised = [options.ClientAddress, options.PeerAddress, options.HttpAddress];
        for (int i = 0; i < points.Length; i++)
        {
            if (advertised[i].StartsWith("0.0.0.0:", StringComparison.Ordinal)
                || advertised[i].StartsWith("[::]:", StringComparison.Ordinal))
            {
                throw new StartException(
                    ExitCode.Configuration, $"{keys[i]} is {points[i]}: say in "
                        + $"{keys[i].Replace("listen", "advertise")} what others shall call");
            }
        }

        if (options.Join.Count > 0 && options.WaitForInit)
        {
            throw new StartException(ExitCode.Configuration,
                "cluster.join and cluster.founding wait exclude each other");
        }

        if (options.Engine == EngineKind.Memory && (options.Join.Count > 0 || options.WaitForInit))
        {
            throw new StartException(
                ExitCode.Configuration, "engine memory serves a cluster of this store alone: it takes no "
                    + "cluster.join and no cluster.founding wait");
        }

        CheckLease(options);
    }

    private static void CheckLease(ServerOptions options)
    {
        Kv.Store.StoreOptions store = options.Store;
        long electionMs = (long)store.ElectionTicks * store.TickMs;
        if (store.LeaseMs + store.LeaseDriftMs > electionMs)
        {
            throw new StartException(
                ExitCode.Configuration,
                $"raft.leaseMs + raft.leaseDriftMs is {store.LeaseMs + store.LeaseDriftMs}: it must not be above "
                + $"raft.electionTicks × raft.tickMs, {electionMs}");
        }

        if (store.StoreSilenceMs < store.LeaseMs + store.LeaseDriftMs)
        {
            throw new StartException(
                ExitCode.Configuration,
                $"store.silenceMs is {store.StoreSilenceMs}: it must not be below raft.leaseMs + "
                + $"raft.leaseDriftMs, {store.LeaseMs + store.LeaseDriftMs}");
        }

        if (store.LogBytesTarget > store.LogBytesMax)
        {
            throw new StartException(ExitCode.Configuration, "log.bytesTarget is above log.bytesMax");
        }
    }
}
