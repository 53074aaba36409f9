using System.Runtime.CompilerServices;
using System.Text;
using Kv.Client.Core;

namespace Kv.Client;

// The same operations with keys and values as text, stored as UTF-8.
public sealed partial class KvClient
{
    /// <summary>Reads a value; null when the key does not exist.</summary>
    public ValueTask<byte[]?> GetAsync(
        string key, GetOptions? options = null, CancellationToken cancellationToken = default) =>
        GetAsync(Encoding.UTF8.GetBytes(key), options, cancellationToken);

    /// <summary>
    /// Reads a value as text; null when the key does not exist. Bytes that are not UTF-8 become U+FFFD.
    /// </summary>
    public async ValueTask<string?> GetTextAsync(
        string key, GetOptions? options = null, CancellationToken cancellationToken = default)
    {
        var get = new GetOperation(Encoding.UTF8.GetBytes(key), (options ?? GetOptions.Default).Mode);
        await RunAsync(get, cancellationToken).ConfigureAwait(false);
        return get.Found ? Encoding.UTF8.GetString(get.Value.Span) : null;
    }

    /// <summary>Sets a key to a value, which may be empty.</summary>
    public ValueTask<WriteReceipt> PutAsync(string key, string value, CancellationToken cancellationToken = default) =>
        PutAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), cancellationToken);

    /// <summary>Deletes a key; that it does not exist is no error.</summary>
    public ValueTask<WriteReceipt> DeleteAsync(string key, CancellationToken cancellationToken = default) =>
        DeleteAsync(Encoding.UTF8.GetBytes(key), cancellationToken);

    /// <summary>Whether a key exists.</summary>
    public ValueTask<bool> ExistsAsync(
        string key, GetOptions? options = null, CancellationToken cancellationToken = default) =>
        ExistsAsync(Encoding.UTF8.GetBytes(key), options, cancellationToken);

    /// <summary>Reads many keys; the values are in the order of the keys, null = absent.</summary>
    public ValueTask<IReadOnlyList<ValueWithRevision?>> MultiGetAsync(
        IReadOnlyList<string> keys, GetOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var bytes = new ReadOnlyMemory<byte>[keys.Count];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = Encoding.UTF8.GetBytes(keys[i]);
        }

        return MultiGetAsync(bytes, options, cancellationToken);
    }

    /// <summary>Sets a key unless it exists.</summary>
    public ValueTask<ConditionalReceipt> PutIfAbsentAsync(
        string key, string value, CancellationToken cancellationToken = default) =>
        PutIfAbsentAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), cancellationToken);

    /// <summary>Sets a key if it is as <paramref name="expected"/>.</summary>
    public ValueTask<ConditionalReceipt> CompareAndPutAsync(
        string key, KvExpectation expected, string value, CancellationToken cancellationToken = default) =>
        CompareAndPutAsync(Encoding.UTF8.GetBytes(key), expected, Encoding.UTF8.GetBytes(value), cancellationToken);

    /// <summary>Deletes a key if it is as <paramref name="expected"/>.</summary>
    public ValueTask<ConditionalReceipt> CompareAndDeleteAsync(
        string key, KvExpectation expected, CancellationToken cancellationToken = default) =>
        CompareAndDeleteAsync(Encoding.UTF8.GetBytes(key), expected, cancellationToken);

    /// <summary>Sets a key and returns what it held before; null = it was absent.</summary>
    public ValueTask<ValueWithRevision?> GetAndPutAsync(
        string key, string value, CancellationToken cancellationToken = default) =>
        GetAndPutAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), cancellationToken);

    /// <summary>Deletes all keys of [start, end); two empty bounds delete everything.</summary>
    public ValueTask<DeleteRangeResult> DeleteRangeAsync(
        string start, string end, CancellationToken cancellationToken = default) =>
        DeleteRangeAsync(Encoding.UTF8.GetBytes(start), Encoding.UTF8.GetBytes(end), cancellationToken);

    /// <summary>Takes the next numbers of the key's sequence.</summary>
    public ValueTask<SequenceBlock> NextSequenceAsync(
        string key, long count = 1, CancellationToken cancellationToken = default) =>
        NextSequenceAsync(Encoding.UTF8.GetBytes(key), count, cancellationToken);

    /// <summary>The number that the key's sequence hands out next.</summary>
    public ValueTask<long> GetSequenceAsync(string key, CancellationToken cancellationToken = default) =>
        GetSequenceAsync(Encoding.UTF8.GetBytes(key), cancellationToken);

    /// <summary>Lets the key's sequence go on at <paramref name="next"/>; returns where it stood before.</summary>
    public ValueTask<long> ResetSequenceAsync(
        string key, long next = 0, CancellationToken cancellationToken = default) =>
        ResetSequenceAsync(Encoding.UTF8.GetBytes(key), next, cancellationToken);

    /// <summary>Scans all keys that begin with <paramref name="prefix"/>, in order.</summary>
    public async IAsyncEnumerable<KeyValueEntry> ScanPrefixAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (KeyValueEntry entry in
            ScanAsync(ScanOptions.ForPrefix(prefix), cancellationToken).ConfigureAwait(false))
        {
            yield return entry;
        }
    }
}
