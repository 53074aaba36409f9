using System.Buffers;
using System.Text.Json;

namespace Kv.Ctl.Transfer;

/// <summary>
/// How far an import came: every line up to <paramref name="Line"/> is acknowledged or was counted as bad. The input is
/// known again by the hash of the bytes read so far, so it may be moved, renamed or piped, and may have grown.
/// </summary>
internal sealed record ImportCheckpoint(long Line, long Offset, string Sha256, long ImportedCount, long BadCount)
{
    public static readonly ImportCheckpoint None = new(0, 0, "", 0, 0);

    private const int FormatVersion = 1;

    private const long FileBytesMax = 64 * 1024;

    /// <summary>Reads a checkpoint; null when there is no such file.</summary>
    public static ImportCheckpoint? Load(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            if (new FileInfo(path).Length > FileBytesMax)
            {
                throw new FormatException("it is too large to be one");
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            int version = root.GetProperty("kvctlImport").GetInt32();
            if (version != FormatVersion)
            {
                throw new FormatException($"its format is {version}, this kvctl knows {FormatVersion}");
            }

            var checkpoint = new ImportCheckpoint(
                root.GetProperty("line").GetInt64(),
                root.GetProperty("offset").GetInt64(),
                root.GetProperty("sha256").GetString() ?? "",
                root.GetProperty("imported").GetInt64(),
                root.GetProperty("bad").GetInt64());
            if (checkpoint.Line < 0 || checkpoint.Offset < checkpoint.Line || checkpoint.Sha256.Length != 64)
            {
                throw new FormatException("its numbers make no sense");
            }

            return checkpoint;
        }
        catch (Exception cause) when (
            cause is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw CtlException.Failure(
                $"{path} is not a checkpoint of an import ({cause.Message}); name another file, or remove it to "
                    + "import from the start",
                cause);
        }
    }

    /// <summary>Replaces the file as a whole: a reader sees the old checkpoint or the new one.</summary>
    public void Save(string path)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("kvctlImport", FormatVersion);
            json.WriteNumber("line", Line);
            json.WriteNumber("offset", Offset);
            json.WriteString("sha256", Sha256);
            json.WriteNumber("imported", ImportedCount);
            json.WriteNumber("bad", BadCount);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        string next = path + ".next";
        File.WriteAllBytes(next, buffer.WrittenSpan.ToArray());
        File.Move(next, path, overwrite: true);
    }
}
