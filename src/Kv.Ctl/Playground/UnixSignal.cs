using System.Runtime.InteropServices;

namespace Kv.Ctl.Playground;

/// <summary>Signals to processes that we started.</summary>
internal static partial class UnixSignal
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>False when there is no such process any more, or it is not ours.</summary>
    public static bool Send(int processId, int signal) => SendSignal(processId, signal) == 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}
