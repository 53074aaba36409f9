namespace Kv.Server.Options;

/// <summary>What stood on the command line: settings by key, in order, and what to do instead of running.</summary>
internal sealed record CommandLine(
    IReadOnlyList<(string Key, string Value, string Said)> Settings, string? ConfigFile, bool Help, bool Version)
{
    /// <summary>Short names of settings that are often given by hand.</summary>
    private static readonly Dictionary<string, string> ShortNames = new(StringComparer.Ordinal)
    {
        ["--data"] = "data",
        ["--listen-client"] = "listen.client",
        ["--listen-peer"] = "listen.peer",
        ["--listen-http"] = "listen.http",
        ["--join"] = "cluster.join",
        ["--engine"] = "engine",
        ["--log-level"] = "logging.level",
        ["--log-format"] = "logging.format",
    };

    public static CommandLine Parse(IReadOnlyList<string> arguments)
    {
        var settings = new List<(string, string, string)>();
        string? file = null;
        bool help = false;
        bool version = false;
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            string? value = null;
            int equals = name.IndexOf('=');
            if (name.StartsWith("--", StringComparison.Ordinal) && equals > 0)
            {
                value = name[(equals + 1)..];
                name = name[..equals];
            }

            switch (name)
            {
                case "--help" or "-h":
                    help = true;
                    break;
                case "--version":
                    version = true;
                    break;
                case "--wait-init":
                    settings.Add(("cluster.founding", "wait", name));
                    break;
                case "--config":
                    file = Value();
                    break;
                case "--set":
                    settings.Add(KeyAndValue(Value()));
                    break;
                default:
                    string key = ShortNames.GetValueOrDefault(name)
                        ?? throw new StartException(
                            ExitCode.Configuration, $"unknown argument {name}; kvserver --help lists them");
                    settings.Add((key, Value(), name));
                    break;
            }

            string Value()
            {
                value ??= i + 1 < arguments.Count ? arguments[++i] : null;
                return value ?? throw new StartException(ExitCode.Configuration, $"{name} needs a value");
            }
        }

        return new CommandLine(settings, file, help, version);
    }

    private static (string Key, string Value, string Said) KeyAndValue(string pair)
    {
        int equals = pair.IndexOf('=');
        return equals > 0
            ? (pair[..equals], pair[(equals + 1)..], $"--set {pair[..equals]}")
            : throw new StartException(ExitCode.Configuration, $"--set {pair}: it must be key=value");
    }
}
