using System.CommandLine;
using Google.Protobuf;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Protocol.V1;

namespace Kv.Ctl.Commands;

internal static class ClusterCommands
{
    public static Command Build(CommandRunner runner) =>
        new("cluster", "Founds the cluster and shows its state.") { BuildInit(runner), BuildStatus(runner) };

    private static Command BuildInit(CommandRunner runner)
    {
        Option<string[]> founders = Founders();
        Option<byte[][]> splitKeys = SplitKeys();
        var splitKeysFile = new Option<string?>("--split-keys-file")
        {
            Description = "A file with such keys, one a line.",
            HelpName = "path",
        };
        var command = new Command("init", "Founds the cluster, once; done again it answers the same cluster.")
        {
            founders, splitKeys, splitKeysFile,
        };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            var request = new InitRequest();
            request.Founders.AddRange(context.Parsed.GetRequiredValue(founders));
            foreach (byte[] key in context.Parsed.GetValue(splitKeys) ?? [])
            {
                request.InitialSplitKeys.Add(ByteString.CopyFrom(key));
            }

            if (context.Parsed.GetValue(splitKeysFile) is { } path)
            {
                request.InitialSplitKeys.AddRange(ReadKeys(path));
            }

            await using IKvAdministration admin = context.OpenAdministration();
            context.Print(AdminReports.Founded(await admin.InitAsync(request, cancellationToken)));
            return ExitCode.Success;
        });
        return command;
    }

    private static Option<string[]> Founders() => new Option<string[]>("--founders")
    {
        Description = "Peer addresses of the stores that found it: one, or an odd number.",
        HelpName = "host:port,...",
        Arity = ArgumentArity.ExactlyOne,
        Required = true,
        CustomParser = result =>
        {
            string[] addresses = result.Tokens[^1].Value.Split(
                ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string? wrong = addresses.FirstOrDefault(address => !CommandArguments.IsAddress(address));
            if (wrong is not null)
            {
                result.AddError($"founder '{wrong}' is not of the form host:port");
            }
            else if (
                addresses.Length % 2 == 0 || addresses.Distinct(StringComparer.Ordinal).Count() != addresses.Length)
            {
                result.AddError(
                    $"--founders names {addresses.Length} stores; it takes one, or an odd number, each once");
            }

            return addresses;
        },
    };

    private static Option<byte[][]> SplitKeys() => new Option<byte[][]>("--split-key")
    {
        Description = "A first region ends and the next begins at this key; may be given many times.",
        HelpName = "key",
        CustomParser = result =>
        {
            try
            {
                return result.Tokens.Select(token => ByteText.Parse(token.Value)).ToArray();
            }
            catch (FormatException cause)
            {
                result.AddError($"--split-key: {cause.Message}");
                return [];
            }
        },
    };

    private static Command BuildStatus(CommandRunner runner)
    {
        var command = new Command("status", "Shows the cluster: its stores, and whether every region has a leader.");
        runner.Attach(command, async (context, cancellationToken) =>
        {
            await using IKvAdministration admin = context.OpenAdministration();
            context.Print(AdminReports.Status(await admin.ClusterStatusAsync(cancellationToken)));
            return ExitCode.Success;
        });
        return command;
    }

    private static IEnumerable<ByteString> ReadKeys(string path)
    {
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }

            ByteString key;
            try
            {
                key = ByteString.CopyFrom(ByteText.Parse(line));
            }
            catch (FormatException cause)
            {
                throw CtlException.Usage($"{path}:{number}: {cause.Message}");
            }

            yield return key;
        }
    }
}
