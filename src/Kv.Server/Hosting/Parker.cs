// Owns the sleep of one thread, as a futex: one system call to sleep, one to wake, and no lock that a woken thread
// would find held by its waker. With a monitor each wake of a loop cost four thread switches on a busy machine.
using System.Runtime.InteropServices;

namespace Kv.Server.Hosting;

/// <summary>
/// Lets one thread sleep until another gives it a permit. A permit given while it is awake is kept, and many are one.
/// </summary>
internal sealed unsafe partial class Parker
{
    private const int Empty = 0;
    private const int Permit = 1;
    private const int Parked = -1;

    private const int FutexWaitPrivate = 128;
    private const int FutexWakePrivate = 129;

    private static readonly nint FutexCall = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        _ => throw new PlatformNotSupportedException(
            $"kvserver runs on x64 and arm64, not on {RuntimeInformation.ProcessArchitecture}"),
    };

    // Pinned for life, because the kernel knows a sleeper by its address; one cache line, only the first word is used.
    private readonly int[] _state = GC.AllocateArray<int>(16, pinned: true);

    /// <summary>
    /// Sleeps until there is a permit, <paramref name="ms"/> milliseconds have passed, or for no reason at all; takes
    /// the permit. Only the owning thread calls this.
    /// </summary>
    public void Park(long ms)
    {
        if (Interlocked.CompareExchange(ref _state[0], Parked, Empty) == Empty)
        {
            var timeout = new TimeSpec { Seconds = ms / 1000, Nanoseconds = ms % 1000 * 1_000_000 };
            fixed (int* address = _state)
            {
                _ = Futex(FutexCall, address, FutexWaitPrivate, Parked, &timeout);
            }
        }

        Interlocked.Exchange(ref _state[0], Empty);
    }

    /// <summary>Gives the permit. From any thread; a system call only when the owner sleeps.</summary>
    public void Unpark()
    {
        if (Interlocked.Exchange(ref _state[0], Permit) == Parked)
        {
            fixed (int* address = _state)
            {
                _ = Futex(FutexCall, address, FutexWakePrivate, 1, null);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Futex(nint call, int* address, nint operation, nint value, TimeSpec* timeout);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
