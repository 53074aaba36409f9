// Owns one open file on Linux. A failed or short write, allocation, truncation or sync is final: the kernel may have
// dropped the dirty pages and marked them clean, so a later sync that returns 0 proves nothing (Sync law).
using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Engine.Files;

internal sealed class PosixFile : IFile
{
    private const int SeekEnd = 2;

    private readonly SafeFileDescriptor _descriptor;

    // Set once by the writer when an operation failed; read by every thread that uses the file.
    private volatile StorageException? _failure;

    public PosixFile(string path, SafeFileDescriptor descriptor)
    {
        Path = path;
        _descriptor = descriptor;
    }

    public string Path { get; }

    public long Length
    {
        get
        {
            long length = Libc.Seek(_descriptor, 0, SeekEnd);
            return length >= 0 ? length : throw new StorageException(Path, SyncSites.FileRead, Libc.LastError());
        }
    }

    public int ReadAt(long offset, Span<byte> destination)
    {
        ThrowIfDead();
        Invariant.Require(offset >= 0);
        int done = 0;
        while (done < destination.Length)
        {
            nint read;
            unsafe
            {
                fixed (byte* buffer = destination[done..])
                {
                    read = Libc.Read(_descriptor, buffer, (nuint)(destination.Length - done), offset + done);
                }
            }

            if (read == 0)
            {
                break;
            }

            if (read < 0)
            {
                if (Marshal.GetLastPInvokeError() == Libc.ErrorInterrupted)
                {
                    continue;
                }

                throw new StorageException(Path, SyncSites.FileRead, Libc.LastError());
            }

            done += (int)read;
        }

        return done;
    }

    public void WriteAt(long offset, ReadOnlySpan<byte> data, string site)
    {
        ThrowIfDead();
        Invariant.Require(offset >= 0);
        if (data.IsEmpty)
        {
            return;
        }

        nint written;
        unsafe
        {
            fixed (byte* buffer = data)
            {
                written = Libc.Write(_descriptor, buffer, (nuint)data.Length, offset);
            }
        }

        if (written < 0)
        {
            throw Die(site, Libc.LastError());
        }

        if (written != data.Length)
        {
            throw Die(site, $"short write, {written} of {data.Length} bytes at offset {offset}");
        }
    }

    public void Allocate(long length, string site)
    {
        ThrowIfDead();
        Invariant.Require(length > 0);
        if (Libc.Allocate(_descriptor, 0, 0, length) == 0)
        {
            return;
        }

        int error = Marshal.GetLastPInvokeError();
        if (error == Libc.ErrorNotSupported)
        {
            error = Libc.AllocateByWriting(_descriptor, 0, length);
        }

        if (error != 0)
        {
            throw Die(site, Libc.Describe(error));
        }
    }

    public void Truncate(long length, string site)
    {
        ThrowIfDead();
        Invariant.Require(length >= 0);
        if (Libc.Truncate(_descriptor, length) != 0)
        {
            throw Die(site, Libc.LastError());
        }
    }

    public void SyncData(string site)
    {
        ThrowIfDead();
        if (Libc.SyncData(_descriptor) != 0)
        {
            throw Die(site, Libc.LastError());
        }
    }

    public void Dispose() => _descriptor.Dispose();

    private StorageException Die(string site, string error)
    {
        StorageException failure = new(Path, site, error);
        _failure = failure;
        return failure;
    }

    private void ThrowIfDead()
    {
        if (_failure is { } failure)
        {
            throw new StorageException(Path, failure.Site, $"file given up after {failure.Error}");
        }
    }
}
