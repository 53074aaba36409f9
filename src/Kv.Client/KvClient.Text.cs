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
