using System.Runtime.CompilerServices;
using Kv.Base;
using Kv.Client;
using Kv.Ctl.Data;

namespace Kv.Ctl.Tests.Fakes;

/// <summary>A cluster's data as a sorted map, with failures on demand.</summary>
internal sealed partial class MemoryData : IKvData
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<byte[], byte[]> _rows = new(KeyOrder.Instance);
    private int _underWay;

    /// <summary>Called before each put; what it throws the put throws, and nothing is written.</summary>
    public Func<byte[], byte[], ValueTask>? BeforePut { get; set; }

    /// <summary>Called before each row of a scan is handed out.</summary>
    public Action<byte[]>? BeforeRow { get; set; }

    public int ValueBytesMax { get; set; } = 1024 * 1024;

    public List<byte[]> RegionStarts { get; } = [[]];

    /// <summary>Keys in the order in which their puts were acknowledged.</summary>
    public List<byte[]> Acknowledged { get; } = [];

    public int MostUnderWay { get; private set; }

    public bool IsDisposed { get; private set; }

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _rows.Count;
            }
        }
    }

    public byte[]? this[string key]
    {
        get
        {
            lock (_lock)
            {
                return _rows.GetValueOrDefault(System.Text.Encoding.UTF8.GetBytes(key));
            }
        }

        set
        {
            lock (_lock)
            {
                _rows[System.Text.Encoding.UTF8.GetBytes(key)] = value!;
            }
        }
    }

    public void Set(byte[] key, byte[] value)
    {
        lock (_lock)
        {
            _rows[key] = value;
        }
    }

    public List<(byte[] Key, byte[] Value)> Rows()
    {
        lock (_lock)
        {
            return _rows.Select(row => (row.Key, row.Value)).ToList();
        }
    }

    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        Check(key, default);
        lock (_lock)
        {
            return ValueTask.FromResult(
                _rows.TryGetValue(key.ToArray(), out byte[]? value) ? new ReadOnlyMemory<byte>(value)
                    : default(ReadOnlyMemory<byte>?));
        }
    }

    public async ValueTask PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        Check(key, value);
        lock (_lock)
        {
            _underWay++;
            MostUnderWay = Math.Max(MostUnderWay, _underWay);
        }

        try
        {
            if (BeforePut is { } before)
            {
                await before(key.ToArray(), value.ToArray());
            }

            cancellationToken.ThrowIfCancellationRequested();
            lock (_lock)
            {
                _rows[key.ToArray()] = value.ToArray();
                Acknowledged.Add(key.ToArray());
            }
        }
        finally
        {
            lock (_lock)
            {
                _underWay--;
            }
        }
    }

    public ValueTask DeleteAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        Check(key, default);
        lock (_lock)
        {
            _rows.Remove(key.ToArray());
        }

        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<KeyValueRow> ScanAsync(
        ScanRange range, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IEnumerable<(byte[] Key, byte[] Value)> rows = Rows().Where(row =>
            KeyOrder.Instance.Compare(row.Key, range.Start) >= 0
            && (range.End is null || KeyOrder.Instance.Compare(row.Key, range.End) < 0));
        rows = range.Reverse ? rows.Reverse() : rows;
        rows = range.Limit > 0 ? rows.Take((int)range.Limit) : rows;
        foreach ((byte[] key, byte[] value) in rows)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            BeforeRow?.Invoke(key);
            yield return new KeyValueRow(key, range.KeysOnly ? default : value);
        }
    }

    public ValueTask<IReadOnlyList<byte[]>> RegionStartsAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<byte[]>>(RegionStarts);

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    private void Check(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        if (key.IsEmpty)
        {
            throw new KvInvalidRequestException("key", "the key is empty; a key has 1 to 8192 bytes");
        }

        if (value.Length > ValueBytesMax)
        {
            throw new KvInvalidRequestException(
                "value", $"the value has {value.Length} bytes, more than {ValueBytesMax}");
        }
    }
}
