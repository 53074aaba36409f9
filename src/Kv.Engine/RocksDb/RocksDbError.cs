// Owns the one way an error of the C API becomes an exception: checked, freed, named.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kv.Engine.RocksDb;

internal static unsafe class RocksDbError
{
    /// <summary>Throws when the call left an error, naming the operation and the thing it was done to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(byte* error, string operation, string subject)
    {
        if (error is not null)
        {
            Throw(error, operation, subject);
        }
    }

    /// <summary>
    /// The error's text, freed. RocksDB's messages are one line except when they quote a file; those are joined.
    /// </summary>
    internal static string Take(byte* error)
    {
        string text = Marshal.PtrToStringUTF8((nint)error) ?? "unknown error";
        Native.Free(error);
        return text.ReplaceLineEndings(" ");
    }

    /// <summary>
    /// Whether the error says that a read would have had to go to the disk; if so it is freed. The C API gives statuses
    /// as text only, and begins it with the status's name.
    /// </summary>
    internal static bool IsIncomplete(byte* error)
    {
        if (!MemoryMarshal.CreateReadOnlySpanFromNullTerminated(error).StartsWith("Result incomplete"u8))
        {
            return false;
        }

        Native.Free(error);
        return true;
    }

    [DoesNotReturn]
    private static void Throw(byte* error, string operation, string subject) =>
        throw new EngineException($"engine {operation} failed: {Take(error)} ({subject})");
}
