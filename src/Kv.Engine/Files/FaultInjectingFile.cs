namespace Kv.Engine.Files;

/// <summary>
/// One file of a <see cref="FaultInjectingFileSystem"/>; dead after its first injected failure, like a real one.
/// </summary>
internal sealed class FaultInjectingFile(IFile inner, FaultPlan plan) : IFile
{
    private volatile StorageException? _failure;

    public string Path => inner.Path;

    public long Length => inner.Length;

    public int ReadAt(long offset, Span<byte> destination)
    {
        ThrowIfDead();
        if (plan.Cross(SyncSites.FileRead) is { } error)
        {
            // A failed read leaves the file usable: only what was to be made durable is final.
            throw new StorageException(Path, SyncSites.FileRead, $"{error} (injected)");
        }

        return inner.ReadAt(offset, destination);
    }

    public void WriteAt(long offset, ReadOnlySpan<byte> data, string site)
    {
        ThrowIfDeadToWriter();
        string? error = plan.Cross(site);
        if (error is FaultInjectingFileSystem.ShortWrite)
        {
            inner.WriteAt(offset, data[..(data.Length / 2)], site);
            throw Die(site, $"short write, {data.Length / 2} of {data.Length} bytes at offset {offset}");
        }

        if (error is not null)
        {
            throw Die(site, error);
        }

        inner.WriteAt(offset, data, site);
    }

    public void Allocate(long length, string site)
    {
        ThrowIfDeadOrCrossed(site);
        inner.Allocate(length, site);
    }

    public void Truncate(long length, string site)
    {
        ThrowIfDeadOrCrossed(site);
        inner.Truncate(length, site);
    }

    public void SyncData(string site)
    {
        ThrowIfDeadOrCrossed(site);
        inner.SyncData(site);
    }

    public void Dispose() => inner.Dispose();

    private void ThrowIfDeadOrCrossed(string site)
    {
        ThrowIfDeadToWriter();
        if (plan.Cross(site) is { } error)
        {
            throw Die(site, error);
        }
    }

    private StorageException Die(string site, string error)
    {
        StorageException failure = new(Path, site, $"{error} (injected)");
        _failure = failure;
        return failure;
    }

    private void ThrowIfDeadToWriter()
    {
        if (_failure is not null)
        {
            plan.NoteLateCall();
        }

        ThrowIfDead();
    }

    private void ThrowIfDead()
    {
        if (_failure is { } failure)
        {
            throw new StorageException(Path, failure.Site, $"file given up after {failure.Error}");
        }
    }
}
