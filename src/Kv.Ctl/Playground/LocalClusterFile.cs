using System.Buffers;
using System.Text.Json;

namespace Kv.Ctl.Playground;

/// <summary>The file in a local cluster's folder that keeps its layout.</summary>
internal static class LocalClusterFile
{
    private const int FormatVersion = 1;

    /// <summary>Null when the folder holds no cluster yet.</summary>
    public static LocalClusterLayout? Load(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            int version = root.GetProperty("localCluster").GetInt32();
            if (version != FormatVersion)
            {
                throw new FormatException($"its format is {version}, this program knows {FormatVersion}");
            }

            LocalStoreAddresses[] stores = root.GetProperty("stores").EnumerateArray()
                .Select(store =>
                    new LocalStoreAddresses(Text(store, "client"), Text(store, "peer"), Text(store, "http")))
                .ToArray();
            byte[][]? splitKeys = root.TryGetProperty("splitKeys", out JsonElement keys)
                ? keys.EnumerateArray().Select(key => Convert.FromHexString(key.GetString() ?? "")).ToArray()
                : null;
            return new LocalClusterLayout(stores, splitKeys);
        }
        catch (Exception cause) when (
            cause is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new LocalClusterException(
                $"{path} does not say where this cluster's stores listen ({cause.Message}); use another folder", cause);
        }
    }

    public static void Save(string path, LocalClusterLayout layout)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("localCluster", FormatVersion);
            json.WriteStartArray("stores");
            foreach (LocalStoreAddresses store in layout.Stores)
            {
                json.WriteStartObject();
                json.WriteString("client", store.Client);
                json.WriteString("peer", store.Peer);
                json.WriteString("http", store.Http);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            if (layout.SplitKeys is { } splitKeys)
            {
                json.WriteStartArray("splitKeys");
                foreach (byte[] key in splitKeys)
                {
                    json.WriteStringValue(Convert.ToHexStringLower(key));
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        string next = path + ".next";
        File.WriteAllBytes(next, buffer.WrittenSpan.ToArray());
        File.Move(next, path, overwrite: true);
    }

    private static string Text(JsonElement store, string name) =>
        store.GetProperty(name).GetString() ?? throw new FormatException($"a store has no \"{name}\"");
}
