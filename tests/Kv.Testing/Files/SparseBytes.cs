namespace Kv.Testing.Files;

/// <summary>
/// A file's bytes in pages that exist only where something was written, so that preallocated segments cost nothing.
/// </summary>
internal sealed class SparseBytes
{
    private const int PageBytes = 4096;

    private readonly Dictionary<long, byte[]> _pages = [];

    public long Length { get; private set; }

    public void SetLength(long length)
    {
        if (length < Length)
        {
            foreach (long page in _pages.Keys.Where(page => page * PageBytes >= length).ToList())
            {
                _pages.Remove(page);
            }

            int tail = (int)(length % PageBytes);
            if (tail != 0 && _pages.TryGetValue(length / PageBytes, out byte[]? last))
            {
                last.AsSpan(tail).Clear();
            }
        }

        Length = length;
    }

    public int Read(long offset, Span<byte> destination)
    {
        int count = (int)Math.Max(0, Math.Min(destination.Length, Length - offset));
        for (int done = 0; done < count;)
        {
            long position = offset + done;
            int inPage = (int)(position % PageBytes);
            int take = Math.Min(count - done, PageBytes - inPage);
            Span<byte> target = destination.Slice(done, take);
            if (_pages.TryGetValue(position / PageBytes, out byte[]? page))
            {
                page.AsSpan(inPage, take).CopyTo(target);
            }
            else
            {
                target.Clear();
            }

            done += take;
        }

        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        for (int done = 0; done < data.Length;)
        {
            long position = offset + done;
            int inPage = (int)(position % PageBytes);
            int take = Math.Min(data.Length - done, PageBytes - inPage);
            if (!_pages.TryGetValue(position / PageBytes, out byte[]? page))
            {
                page = new byte[PageBytes];
                _pages.Add(position / PageBytes, page);
            }

            data.Slice(done, take).CopyTo(page.AsSpan(inPage));
            done += take;
        }

        Length = Math.Max(Length, offset + data.Length);
    }

    public SparseBytes Copy()
    {
        SparseBytes copy = new() { Length = Length };
        foreach ((long index, byte[] page) in _pages)
        {
            copy._pages.Add(index, page.AsSpan().ToArray());
        }

        return copy;
    }
}
