using Kv.Base;
using Kv.Engine.Files;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Files;

/// <summary>
/// The simulated disk must be able to lose what a real one can: these show that each fault is really there.
/// </summary>
public class MemoryFileSystemTests
{
    private const string Site = "test.site";

    private readonly MemoryFileSystem _files = new();

    public MemoryFileSystemTests() => _files.CreateDirectory("/d");

    [Fact]
    public void Crash_UnsyncedWrites_AreKeptLostOrTornAtSectors()
    {
        HashSet<string> outcomes = [];
        for (ulong seed = 0; seed < 60; seed++)
        {
            MemoryFileSystem files = new();
            files.CreateDirectory("/d");
            IFile file = files.Open("/d/f", create: true);
            file.Allocate(2048, Site);
            file.SyncData(Site);
            files.SyncDirectory("/d", Site);
            file.WriteAt(0, Enumerable.Repeat((byte)7, 2048).ToArray(), Site);
            files.Crash(new DeterministicRandom(seed));
            byte[] left = files.Peek("/d/f");
            int[] sectors = [.. Enumerable.Range(0, 4).Select(i => left.AsSpan(i * 512, 512).Count((byte)7))];
            Assert.All(sectors, count => Assert.True(count is 0 or 512));
            outcomes.Add(string.Concat(sectors.Select(count => count == 0 ? '0' : '1')));
        }

        Assert.Contains("0000", outcomes);
        Assert.Contains("1111", outcomes);
        Assert.True(outcomes.Count > 6);
    }

    [Fact]
    public void CrashToDurable_KeepsWhatWasSyncedAndNothingElse()
    {
        IFile file = _files.Open("/d/f", create: true);
        file.WriteAt(0, [1, 2, 3], Site);
        file.SyncData(Site);
        file.WriteAt(0, [9], Site);
        _files.SyncDirectory("/d", Site);
        _files.Open("/d/g", create: true).SyncData(Site);

        _files.CrashToDurable();

        Assert.Equal(["f"], _files.ListFiles("/d"));
        Assert.Equal([1, 2, 3], _files.Peek("/d/f"));
        Assert.Throws<InvariantViolationException>(() => file.ReadAt(0, new byte[1]));
    }

    [Fact]
    public void SyncData_FailedOnce_LeavesPagesReadableCleanAndNotDurable()
    {
        IFile file = _files.Open("/d/f", create: true);
        file.SyncData(Site);
        _files.SyncDirectory("/d", Site);
        file.WriteAt(0, [1, 2, 3], Site);
        _files.Faults.Arm(new SiteFault(Site, "EIO", 0, 1));
        Assert.Throws<StorageException>(() => file.SyncData(Site));
        Assert.Throws<StorageException>(() => file.SyncData(Site));

        _files.KillProcess();
        using (IFile again = _files.Open("/d/f", create: false))
        {
            byte[] read = new byte[3];
            Assert.Equal(3, again.ReadAt(0, read));
            Assert.Equal([1, 2, 3], read);
            again.SyncData(Site);
        }

        _files.CrashToDurable();
        Assert.Empty(_files.Peek("/d/f"));
    }

    [Fact]
    public void Capacity_Passed_IsENOSPCAndFinalForTheFile()
    {
        _files.CapacityBytes = 100;
        IFile file = _files.Open("/d/f", create: true);
        file.WriteAt(0, new byte[100], Site);

        Assert.Contains(
            "ENOSPC", Assert.Throws<StorageException>(() => file.Allocate(101, Site)).Error, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => file.WriteAt(0, [1], Site));
    }

    [Fact]
    public void ShortWrite_PutsHalfDown()
    {
        IFile file = _files.Open("/d/f", create: true);
        _files.Faults.Arm(new SiteFault(Site, FaultInjectingFileSystem.ShortWrite, 0, 1));

        Assert.Throws<StorageException>(() => file.WriteAt(0, [1, 2, 3, 4], Site));

        Assert.Equal([1, 2], _files.Peek("/d/f"));
    }

    [Fact]
    public void PowerCut_AtAMutation_StopsEverythingUntilTheCrash()
    {
        IFile file = _files.Open("/d/f", create: true);
        _files.PowerCutAtMutation = _files.MutationCount + 2;
        file.WriteAt(0, [1], Site);
        Assert.Throws<PowerCutException>(() => file.WriteAt(1, [2], Site));
        Assert.Throws<PowerCutException>(() => _files.ListFiles("/d"));

        _files.CrashToDurable();

        Assert.Empty(_files.ListFiles("/d"));
    }

    [Fact]
    public void Lock_IsHeldOnceAndGoneAfterAKill()
    {
        using IDisposable held = _files.LockDirectory("/d");
        Assert.Throws<StorageException>(() => _files.LockDirectory("/d"));

        _files.KillProcess();

        _files.LockDirectory("/d").Dispose();
    }
}
