// Owns the files of the log's folder: segments by number, and spares, which are purged segments kept for reuse so that
// new ones need no fresh blocks. Invariant: a number is never used twice, so a frame left in a recycled file can never
// be taken for a frame of the file it is now (F10).
using System.Globalization;
using Kv.Engine.Files;

namespace Kv.Engine.Log;

internal sealed class SegmentFolder(IFileSystem fileSystem, string path, SharedLogOptions options)
{
    private const string SegmentSuffix = ".log";
    private const string SpareSuffix = ".spare";
    private const int LengthUnitBytes = 4096;

    private readonly List<string> _spares = [];

    public string FolderPath => path;

    public static string NameOf(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture) + SegmentSuffix;

    /// <summary>Numbers of all segment files, ascending. Finds the spares on the way.</summary>
    public List<ulong> List()
    {
        fileSystem.CreateDirectory(path);
        List<ulong> numbers = [];
        foreach (string name in fileSystem.ListFiles(path))
        {
            if (name.EndsWith(SpareSuffix, StringComparison.Ordinal))
            {
                _spares.Add(name);
            }
            else if (name.EndsWith(SegmentSuffix, StringComparison.Ordinal)
                && ulong.TryParse(
                    name[..^SegmentSuffix.Length], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                    out ulong number)
                && name == NameOf(number))
            {
                numbers.Add(number);
            }
        }

        numbers.Sort();
        return numbers;
    }

    public Segment OpenSegment(ulong number)
    {
        Segment segment = new(number, NameOf(number));
        IFile file = fileSystem.Open(Path.Combine(path, segment.Name), create: false);
        segment.Attach(file, file.Length);
        return segment;
    }

    /// <summary>
    /// Makes the segment's file with its opening block, durable in bytes and name before it returns, with room for a
    /// frame of
    /// <paramref name="frameBytes"/>.
    /// </summary>
    public void Create(Segment segment, SegmentHeader header, long frameBytes)
    {
        byte[] block = header.Encode();
        long needed = block.Length + frameBytes;
        long length = Math.Max(
            options.SegmentBytes, (needed + LengthUnitBytes - 1) / LengthUnitBytes * LengthUnitBytes);
        IFile file = OpenNew(segment.Name, out bool wasUsed);
        try
        {
            file.Allocate(length, SyncSites.LogSegmentAllocate);
            file.WriteAt(0, block, SyncSites.LogHeaderWrite);
#if PLANT_FRAME_NOSYNC // Frame law: what the open found is not synced before it is relied on
            if (frameBytes > 0)
#endif
            file.SyncData(SyncSites.LogHeaderSync);
            fileSystem.SyncDirectory(path, SyncSites.LogFolderSync);
            segment.Attach(file, file.Length);
            segment.End = header.FramesOffset;
            segment.FilledTo = wasUsed ? file.Length : header.FramesOffset;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Gives dead segments up: their files become spares, or go. The names are durable when it returns.
    /// </summary>
    public void Recycle(IReadOnlyList<Segment> segments)
    {
        if (segments.Count == 0)
        {
            return;
        }

        foreach (Segment segment in segments)
        {
            string file = Path.Combine(path, segment.Name);
            bool fits = segment.Length >= options.SegmentBytes && segment.Length < 2L * options.SegmentBytes;
            if (fits && !segment.IsPinned && _spares.Count < options.SparesMax)
            {
                string spare = Path.ChangeExtension(segment.Name, SpareSuffix);
                fileSystem.Rename(file, Path.Combine(path, spare));
                _spares.Add(spare);
            }
            else
            {
                // A reader inside keeps the open file; its bytes stay until it leaves.
                fileSystem.Delete(file);
            }

            segment.Retire();
        }

        while (_spares.Count > options.SparesMax)
        {
            fileSystem.Delete(Path.Combine(path, _spares[^1]));
            _spares.RemoveAt(_spares.Count - 1);
        }

        fileSystem.SyncDirectory(path, SyncSites.LogPurgeFolderSync);
    }

    private IFile OpenNew(string name, out bool wasUsed)
    {
        string target = Path.Combine(path, name);
        wasUsed = _spares.Count > 0;
        if (!wasUsed)
        {
            return fileSystem.Open(target, create: true);
        }

        string spare = _spares[^1];
        _spares.RemoveAt(_spares.Count - 1);
        fileSystem.Rename(Path.Combine(path, spare), target);
        return fileSystem.Open(target, create: false);
    }
}
