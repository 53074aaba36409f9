// Owns the finding and loading of the system's librocksdb. The binding names one logical library; this file alone knows
// what it is called on disk. Loading happens once per process, on the first open, and never half: either every function
// the binding needs is there, or the error says what to install.
using System.Reflection;
using System.Runtime.InteropServices;

namespace Kv.Engine.RocksDb;

/// <summary>Loads librocksdb. Thread-safe.</summary>
public static partial class RocksDbLibrary
{
    /// <summary>A path or name to load instead of searching.</summary>
    public const string OverrideVariable = "KV_ROCKSDB_LIBRARY";

    /// <summary>The name the binding imports from; the resolver maps it to the loaded library.</summary>
    internal const string LogicalName = "kv-rocksdb";

    private const string InstallHint = "install it (Debian: apt-get install librocksdb7.8)";

    // Newest of the releases the binding was tried with first: its C API is the one the declarations were read from.
    private static readonly string[] UsualNames =
    [
        "librocksdb.so.7.8", "librocksdb.so.7", "librocksdb.so.8", "librocksdb.so.9", "librocksdb.so.10",
        "librocksdb.so",
        "librocksdb.dylib",
    ];

    private static readonly string[] UsualFolders =
    [
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib", "/usr/local/lib",
        "/opt/homebrew/lib",
    ];

    // The youngest functions of the C API that the binding calls: a library that has them has the older ones.
    private static readonly string[] NeededFunctions =
        [
            "rocksdb_flush_wal", "rocksdb_sstfilewriter_delete_range", "rocksdb_approximate_sizes_cf",
            "rocksdb_get_pinned_cf"];

    private static readonly Lock LoadLock = new();
    private static nint _library;
    private static string? _loadedName;

    /// <summary>
    /// What was loaded: a library name or a path. Null before the first successful <see cref="EnsureLoaded"/>.
    /// </summary>
    public static string? LoadedName => Volatile.Read(ref _loadedName);

    /// <summary>
    /// Loads the library once. Throws <see cref="EngineException"/> with one line saying what to install.
    /// </summary>
    public static void EnsureLoaded()
    {
        if (Volatile.Read(ref _loadedName) is not null)
        {
            return;
        }

        lock (LoadLock)
        {
            if (_loadedName is not null)
            {
                return;
            }

            (_library, string name) = Find(Environment.GetEnvironmentVariable(OverrideVariable), Candidates());
            LimitMallocArenas();
            NativeLibrary.SetDllImportResolver(typeof(RocksDbLibrary).Assembly, Resolve);
            Volatile.Write(ref _loadedName, name);
        }
    }

    /// <summary>
    /// Whether the library loads here; otherwise the reason, for tests that skip and for start-up checks.
    /// </summary>
    public static bool TryLoad(out string? reason)
    {
        try
        {
            EnsureLoaded();
            reason = null;
            return true;
        }
        catch (EngineException e)
        {
            reason = e.Message;
            return false;
        }
    }

    /// <summary>
    /// The first of <paramref name="candidates"/> that loads and is complete; only <paramref name="override"/> when
    /// set.
    /// </summary>
    internal static (nint Library, string Name) Find(string? @override, IEnumerable<string> candidates)
    {
        bool overridden = !string.IsNullOrEmpty(@override);
        string? incomplete = null;
        foreach (string candidate in overridden ? [@override!] : candidates)
        {
            if (!NativeLibrary.TryLoad(candidate, out nint library))
            {
                continue;
            }

            string? missing = Array.Find(NeededFunctions, f => !NativeLibrary.TryGetExport(library, f, out _));
            if (missing is null)
            {
                return (library, candidate);
            }

            incomplete ??= $"{candidate} has no {missing}";
            NativeLibrary.Free(library);
        }

        if (incomplete is not null)
        {
            throw new EngineException($"librocksdb is too old: {incomplete}; {InstallHint}");
        }

        throw new EngineException(overridden
            ? $"cannot load librocksdb from {OverrideVariable}={@override}; correct or unset it, or {InstallHint}"
            : $"cannot load librocksdb: not found under its usual names; "
                + $"{InstallHint}, or set {OverrideVariable} to its path");
    }

    private static IEnumerable<string> Candidates()
    {
        foreach (string name in UsualNames)
        {
            yield return name;
        }

        foreach (string folder in UsualFolders.Where(Directory.Exists))
        {
            string[] found = Directory.GetFiles(folder, "librocksdb.so*");
            Array.Sort(found, StringComparer.Ordinal);
            Array.Reverse(found);
            foreach (string path in found)
            {
                yield return path;
            }
        }
    }

    private static nint Resolve(string libraryName, Assembly assembly, DllImportSearchPath? searchPath) =>
        libraryName == LogicalName ? _library : 0;

    // glibc gives each thread its own arena, and RocksDB frees on one thread what another allocated: with the default
    // of eight arenas per core the process holds far more than is in use. Two are enough for two writers and cost no
    // measurable time. Only glibc knows the call; elsewhere its absence changes nothing.
    private static void LimitMallocArenas()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("MALLOC_ARENA_MAX") is not null)
        {
            return;
        }

        const int arenaMax = -8;
        try
        {
            _ = MallocOption(arenaMax, 2);
        }
        catch (EntryPointNotFoundException)
        {
        }
        catch (DllNotFoundException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallocOption(int parameter, int value);
}
