using System.Text.Json;

namespace Kv.Server.Options;

/// <summary>Reads a configuration file (JSON with comments) into keys and values.</summary>
internal static class ConfigFile
{
    private const int FileBytesMax = 16 * 1024 * 1024;

    public static List<(string Key, IReadOnlyList<string> Values)> Read(string path)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > FileBytesMax } large)
            {
                throw new StartException(ExitCode.Configuration,
                    $"{path} has {large.Length} bytes: that is no configuration");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException(ExitCode.Configuration, $"configuration file {path} cannot be read: {e.Message}");
        }

        var settings = new List<(string, IReadOnlyList<string>)>();
        try
        {
            var options = new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            };
            using var document = JsonDocument.Parse(bytes, options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new StartException(ExitCode.Configuration, $"{path}: a configuration is one object {{ … }}");
            }

            Flatten(document.RootElement, "", path, settings);
        }
        catch (JsonException e)
        {
            throw new StartException(
                ExitCode.Configuration, $"{path} is no JSON, line {e.LineNumber + 1}: {e.Message.Split(". ")[0]}");
        }

        return settings;
    }

    private static void Flatten(
        JsonElement element, string prefix, string path, List<(string Key, IReadOnlyList<string> Values)> settings)
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            string key = prefix.Length == 0 ? property.Name : $"{prefix}.{property.Name}";
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.Object:
                    Flatten(property.Value, key, path, settings);
                    break;
                case JsonValueKind.Array:
                    settings.Add((key, [.. property.Value.EnumerateArray().Select(item => Text(item, key, path))]));
                    break;
                default:
                    settings.Add((key, [Text(property.Value, key, path)]));
                    break;
            }
        }
    }

    private static string Text(JsonElement value, string key, string path) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => throw new StartException(ExitCode.Configuration,
            $"{path}: {key} must be text, a number, true, false or a list of them"),
    };
}
