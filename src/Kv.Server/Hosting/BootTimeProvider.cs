using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Server.Hosting;

/// <summary>
/// The clock of the Lease law: monotonic and counting machine sleep (CLOCK_BOOTTIME), in nanoseconds. .NET's own
/// timestamps stand still while the machine sleeps, and a leader that slept would trust a lease that others have long
/// buried.
/// </summary>
internal sealed partial class BootTimeProvider : TimeProvider
{
    public static readonly BootTimeProvider Instance = new();

    private const int ClockBootTime = 7;

    private BootTimeProvider()
    {
    }

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp()
    {
        int result = ClockGetTime(ClockBootTime, out TimeSpec time);
        Invariant.Require(result == 0);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
