// Owns reads of entries by any thread: payloads from the cache, older ones from the file, each checked against its own
// checksum.
using Kv.Base;

namespace Kv.Engine.Log;

public sealed partial class SharedLog
{
    // Neighbouring payloads are fetched by one system call up to this many bytes.
    private const int ReadRunBytesMax = 256 * 1024;

    // Bytes between two payloads of one run that are read along: record fields and frame headers.
    private const int ReadGapBytesMax = 512;

    public bool Read(ulong group, ulong from, ulong toExclusive, long bytesMax, List<LogEntry> output)
    {
        if (!_table.TryFind(group, out LogGroup? found))
        {
            return false;
        }

        List<Load>? loads = null;
        int firstOutput = output.Count;
        lock (found)
        {
            ThrowIfDamaged(found);
            if (!found.Holds(from) || toExclusive <= from)
            {
                return false;
            }

            long bytes = 0;
            ulong end = Math.Min(toExclusive, found.LastIndex + 1);
            for (ulong index = from; index < end; index++)
            {
                ref EntryPlace place = ref found[index];
                bytes += place.Length;
                if (bytes > bytesMax && index > from)
                {
                    break;
                }

                if (!place.IsCached)
                {
                    // Pinned under the group's lock, so that a purge cannot have the file reused while we read it.
                    place.Segment.Pin();
                    (loads ??= []).Add(new Load(output.Count, place));
                }

                output.Add(place.ToEntry(index));
            }
        }

        if (loads is not null)
        {
            LoadAll(group, loads, output, firstOutput);
        }

        return true;
    }

    private static void LoadAll(ulong group, List<Load> loads, List<LogEntry> output, int firstOutput)
    {
        try
        {
            for (int start = 0; start < loads.Count;)
            {
                int end = RunEnd(loads, start);
                LoadRun(group, loads, start, end, output);
                start = end;
            }
        }
        catch
        {
            output.RemoveRange(firstOutput, output.Count - firstOutput);
            throw;
        }
        finally
        {
            foreach (Load load in loads)
            {
                load.Place.Segment.Unpin();
            }
        }
    }

    /// <summary>
    /// The end of the run of payloads from <paramref name="start"/> that lie close behind each other in one segment.
    /// </summary>
    private static int RunEnd(List<Load> loads, int start)
    {
        EntryPlace first = loads[start].Place;
        long runEnd = (long)first.Offset + first.Length;
        int end = start + 1;
        for (; end < loads.Count; end++)
        {
            EntryPlace next = loads[end].Place;
            bool close = ReferenceEquals(next.Segment, first.Segment) && next.Offset >= runEnd
                && next.Offset - runEnd <= ReadGapBytesMax
                && next.Offset + next.Length - (long)first.Offset <= ReadRunBytesMax;
            if (!close)
            {
                break;
            }

            runEnd = (long)next.Offset + next.Length;
        }

        return end;
    }

    private static void LoadRun(ulong group, List<Load> loads, int start, int end, List<LogEntry> output)
    {
        EntryPlace first = loads[start].Place;
        EntryPlace last = loads[end - 1].Place;
        byte[] bytes = new byte[last.Offset + last.Length - first.Offset];
        int read = first.Segment.File.ReadAt(first.Offset, bytes);
        for (int i = start; i < end; i++)
        {
            EntryPlace place = loads[i].Place;
            int offset = (int)(place.Offset - first.Offset);
            LogEntry entry = output[loads[i].Position];
            CheckPayload(group, entry.Index, place, bytes.AsSpan(0, read), offset);
            output[loads[i].Position] = entry with { Data = bytes.AsMemory(offset, place.Length) };
        }
    }

    /// <summary>The payload of one place; the writer's own way to it, without a pin.</summary>
    private static ReadOnlyMemory<byte> LoadOne(ulong group, ulong index, in EntryPlace place)
    {
        if (place.IsCached)
        {
            return place.Data;
        }

        byte[] bytes = new byte[place.Length];
        int read = place.Segment.File.ReadAt(place.Offset, bytes);
        CheckPayload(group, index, place, bytes.AsSpan(0, read), 0);
        return bytes;
    }

    private static void CheckPayload(
        ulong group, ulong index, in EntryPlace place, ReadOnlySpan<byte> bytes, int offset)
    {
        if (offset + place.Length > bytes.Length || Crc32C.Compute(bytes.Slice(offset, place.Length)) != place.Crc)
        {
            throw new LogDamagedException(
                place.Segment.Name, place.Offset,
                $"the payload of entry {index} of group {group} has a wrong checksum");
        }
    }

    /// <summary>A payload to be read from its file into the output.</summary>
    private readonly record struct Load(int Position, EntryPlace Place);
}
