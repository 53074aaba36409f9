using Kv.Ctl.Data;

namespace Kv.Ctl.Transfer;

/// <summary>The file that an export writes: made anew, or opened to go on behind its last whole line.</summary>
internal static class ExportFile
{
    private const int ChunkBytes = 64 * 1024;

    private const int BufferBytes = 256 * 1024;

    /// <summary>Makes the file. One that exists is only replaced when <paramref name="overwrite"/> says so.</summary>
    public static FileStream Create(string path, bool overwrite)
    {
        try
        {
            return new FileStream(
                path,
                overwrite ? FileMode.Create : FileMode.CreateNew,
                FileAccess.Write, FileShare.Read, BufferBytes, useAsync: true);
        }
        catch (IOException) when (!overwrite && File.Exists(path))
        {
            throw CtlException.Failure(
                $"{path} exists already; --resume goes on behind its last key, --overwrite replaces it");
        }
    }

    /// <summary>
    /// Opens the file, or makes it, for the rows behind <paramref name="lastKey"/>. What follows the last line end is
    /// the torn end of a run that was killed, and is cut off.
    /// </summary>
    public static FileStream Resume(string path, out byte[]? lastKey)
    {
        var file = new FileStream(
            path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, BufferBytes, useAsync: true);
        try
        {
            long end = FindLineEndBefore(file, file.Length) + 1;
            lastKey = end == 0 ? null : ReadKey(file, FindLineEndBefore(file, end - 1) + 1, end - 1, path);
            file.SetLength(end);
            file.Position = end;
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static byte[] ReadKey(FileStream file, long start, long end, string path)
    {
        string? error = $"it is longer than {RowJson.LineBytesMax} bytes";
        if (end - start <= RowJson.LineBytesMax)
        {
            byte[] line = new byte[end - start];
            file.Position = start;
            file.ReadExactly(line);
            if (RowJson.TryParse(line, out KeyValueRow row, out error))
            {
                return row.Key.ToArray();
            }
        }

        throw CtlException.Failure(
            $"the last line of {path} is no row of an export ({error}); export to another file, or replace this "
                + "one with --overwrite");
    }

    /// <summary>Offset of the last line end before <paramref name="end"/>; -1 when there is none.</summary>
    private static long FindLineEndBefore(FileStream file, long end)
    {
        byte[] chunk = new byte[ChunkBytes];
        while (end > 0)
        {
            int length = (int)Math.Min(ChunkBytes, end);
            file.Position = end - length;
            file.ReadExactly(chunk, 0, length);
            int found = chunk.AsSpan(0, length).LastIndexOf((byte)'\n');
            if (found >= 0)
            {
                return end - length + found;
            }

            end -= length;
        }

        return -1;
    }
}
