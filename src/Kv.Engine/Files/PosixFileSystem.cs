// Owns folders and files on Linux by direct system calls, each result checked (Sync law). Names become durable by
// syncing the folder, which .NET cannot do.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Kv.Base;

namespace Kv.Engine.Files;

/// <summary>The real file system. Any thread may call it; one opened file has one writer.</summary>
public sealed class PosixFileSystem : IFileSystem
{
    /// <summary>The file whose flock is the folder's lock; it holds the holder's process id as text.</summary>
    public const string LockFileName = "LOCK";

    private const uint FileMode = 0x1A0; // rw-r-----
    private const uint FolderMode = 0x1E8; // rwxr-x---
    private const int ErrorExists = 17;

    public void CreateDirectory(string path)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            return;
        }

        string? parent = Path.GetDirectoryName(full.TrimEnd('/'));
        if (!string.IsNullOrEmpty(parent))
        {
            CreateDirectory(parent);
        }

        if (Libc.MakeDirectory(full, FolderMode) != 0 && Marshal.GetLastPInvokeError() != ErrorExists)
        {
            throw new StorageException(full, SyncSites.FolderCreate, Libc.LastError());
        }

        if (!string.IsNullOrEmpty(parent))
        {
            SyncDirectory(parent, SyncSites.FolderCreate);
        }
    }

    public bool FileExists(string path) => File.Exists(path);

    public bool DirectoryExists(string path) => Directory.Exists(path);

    public IReadOnlyList<string> ListFiles(string directory)
    {
        try
        {
            List<string> names = [];
            foreach (string path in Directory.EnumerateFiles(directory))
            {
                names.Add(Path.GetFileName(path));
            }

            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(directory, SyncSites.FolderList, exception.Message);
        }
    }

    public IFile Open(string path, bool create)
    {
        int flags = Libc.OpenReadWrite | Libc.OpenCloseOnExec;
        if (create)
        {
            flags |= Libc.OpenCreate | Libc.OpenExclusive;
        }

        return new PosixFile(path, OpenDescriptor(path, flags, create ? SyncSites.FileCreate : SyncSites.FileOpen));
    }

    public void Rename(string from, string to)
    {
        if (Libc.Rename(from, to) != 0)
        {
            throw new StorageException(from, SyncSites.FileRename, Libc.LastError());
        }
    }

    public void Delete(string path)
    {
        if (Libc.Unlink(path) != 0)
        {
            throw new StorageException(path, SyncSites.FileDelete, Libc.LastError());
        }
    }

    public void SyncDirectory(string path, string site)
    {
        using SafeFileDescriptor folder =
            OpenDescriptor(path, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, site);
        if (Libc.Sync(folder) != 0)
        {
            throw new StorageException(path, site, Libc.LastError());
        }
    }

    public IDisposable LockDirectory(string path)
    {
        string lockPath = Path.Combine(path, LockFileName);
        SafeFileDescriptor descriptor = OpenDescriptor(
            lockPath, Libc.OpenReadWrite | Libc.OpenCreate | Libc.OpenCloseOnExec, SyncSites.FolderLock);
        if (Libc.Lock(descriptor, Libc.LockExclusive | Libc.LockNoWait) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            using PosixFile taken = new(lockPath, descriptor);
            string reason = error == Libc.ErrorWouldBlock
                ? $"the folder is in use by process {ReadHolder(taken)}"
                : Libc.Describe(error);
            throw new StorageException(path, SyncSites.FolderLock, reason);
        }

        PosixFile held = new(lockPath, descriptor);
        try
        {
            held.Truncate(0, SyncSites.FolderLock);
            held.WriteAt(
                0,
                Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)),
                SyncSites.FolderLock);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public long FreeBytes(string path)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(path, SyncSites.FolderList, exception.Message);
        }
    }

    private static string ReadHolder(PosixFile file)
    {
        Span<byte> text = stackalloc byte[16];
        int read = file.ReadAt(0, text);
        string holder = Encoding.ASCII.GetString(text[..read]).Trim();
        return holder.Length > 0 && holder.All(char.IsAsciiDigit) ? holder : "unknown";
    }

    private static SafeFileDescriptor OpenDescriptor(string path, int flags, string site)
    {
        Invariant.Require(!path.Contains('\0', StringComparison.Ordinal));
        while (true)
        {
            SafeFileDescriptor descriptor = Libc.Open(path, flags, FileMode);
            if (!descriptor.IsInvalid)
            {
                return descriptor;
            }

            int error = Marshal.GetLastPInvokeError();
            descriptor.Dispose();
            if (error != Libc.ErrorInterrupted)
            {
                throw new StorageException(path, site, Libc.Describe(error));
            }
        }
    }
}
