// Owns one simulated file: what is durable, what is seen now, and the writes in between that a crash may keep, lose or
// tear.
using Kv.Base;

namespace Kv.Testing.Files;

internal sealed class MemoryInode
{
    private const int SectorBytes = 512;

    private readonly List<PendingWrite> _unsynced = [];
    private SparseBytes _durable = new();

    public SparseBytes Current { get; private set; } = new();

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        Current.Write(offset, data);
        _unsynced.Add(new PendingWrite(offset, data.ToArray(), NewLength: null));
    }

    public void SetLength(long length)
    {
        Current.SetLength(length);
        _unsynced.Add(new PendingWrite(0, [], length));
    }

    public void Sync()
    {
        foreach (PendingWrite write in _unsynced)
        {
            Apply(_durable, write);
        }

        _unsynced.Clear();
    }

    /// <summary>
    /// What Linux does after a failed sync (Rebello et al., 2020): the pages stay readable and are marked clean, so
    /// that no later sync writes them; a crash brings the old bytes back.
    /// </summary>
    public void ForgetUnsynced() => _unsynced.Clear();

    /// <summary>Changes durable and seen bytes alike: rot, or a write of somebody else.</summary>
    public void Overwrite(long offset, ReadOnlySpan<byte> data)
    {
        Current.Write(offset, data);
        _durable.Write(offset, data);
    }

    public void Crash(DeterministicRandom random)
    {
        foreach (PendingWrite write in _unsynced)
        {
            switch (random.Next(3))
            {
                case 0:
                    Apply(_durable, write);
                    break;
                case 1:
                    break;
                default:
                    Tear(write, random);
                    break;
            }
        }

        CrashToDurable();
    }

    /// <summary>Leaves only the durable image: the least that a crash may leave.</summary>
    public void CrashToDurable()
    {
        _unsynced.Clear();
        Current = _durable.Copy();
    }

    public MemoryInode CopyAsDurable() => new() { _durable = Current.Copy(), Current = Current.Copy() };

    private static void Apply(SparseBytes target, PendingWrite write)
    {
        if (write.NewLength is { } length)
        {
            target.SetLength(length);
        }
        else
        {
            target.Write(write.Offset, write.Data);
        }
    }

    private void Tear(PendingWrite write, DeterministicRandom random)
    {
        if (write.NewLength is { } length)
        {
            _durable.SetLength(Math.Max(_durable.Length, length / 2));
            return;
        }

        for (int done = 0; done < write.Data.Length;)
        {
            int take = (int)Math.Min(write.Data.Length - done, SectorBytes - ((write.Offset + done) % SectorBytes));
            if (random.Chance(0.5))
            {
                _durable.Write(write.Offset + done, write.Data.AsSpan(done, take));
            }

            done += take;
        }
    }

    private readonly record struct PendingWrite(long Offset, byte[] Data, long? NewLength);
}
