// Owns one segment file in use. Readers pin it while they read outside the group's lock; a purged segment's file is
// closed when the last pin goes, and reused only when there was none. Invariant: a pin is taken under the lock of a
// group that has a place in the segment, so after the last place moved away no new pin can appear.
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Log;

internal sealed class Segment(ulong number, string name)
{
    private const int Retired = 1 << 30;

    private IFile? _file;

    // Count of readers inside, plus Retired once the log has given it up. Changed by interlocked operations only.
    private int _pins;

    public ulong Number { get; } = number;

    public string Name { get; } = name;

    /// <summary>Bytes of the file.</summary>
    public long Length { get; private set; }

    /// <summary>Where the next frame goes. Only the writer uses it.</summary>
    public long End { get; set; }

    /// <summary>
    /// Up to here the file's blocks have been written before, so that a sync of new bytes has no metadata to write.
    /// Only the writer uses it.
    /// </summary>
    public long FilledTo { get; set; }

    public IFile File
    {
        get
        {
            Invariant.Require(_file is not null);
            return _file;
        }
    }

    public bool IsPinned => (Volatile.Read(ref _pins) & ~Retired) != 0;

    public void Attach(IFile file, long length)
    {
        Invariant.Require(_file is null);
        _file = file;
        Length = length;
    }

    public void Pin() => Interlocked.Increment(ref _pins);

    public void Unpin()
    {
        if (Interlocked.Decrement(ref _pins) == Retired)
        {
            File.Dispose();
        }
    }

    /// <summary>The log gives the segment up: its file closes now, or with the last pin.</summary>
    public void Retire()
    {
        if (Interlocked.Add(ref _pins, Retired) == Retired)
        {
            File.Dispose();
        }
    }
}
