using System.Text;
using Google.Protobuf;
using Kv.Protocol.V1;

namespace Kv.Client;

/// <summary>
/// Mutations to send together. Several mutations of one key take effect in the order in which they were added, so the
/// last one wins.
/// Keys and values are copied when added. Not safe for use from several threads at once; it may be sent again, or added
/// to, once the call it was given to has returned its task.
/// </summary>
public sealed class WriteBatch
{
    private readonly List<Mutation> _mutations = [];

    /// <summary>Mutations added so far.</summary>
    public int Count => _mutations.Count;

    /// <summary>Key and value bytes added so far.</summary>
    public long Bytes { get; private set; }

    internal IReadOnlyList<Mutation> Mutations => _mutations;

    /// <summary>
    /// Sets <paramref name="key"/> to <paramref name="value"/>, which may be empty. Limits are checked when it is sent.
    /// </summary>
    public WriteBatch Put(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        Add(MutationKind.Put, ByteString.CopyFrom(key.Span), ByteString.CopyFrom(value.Span));

    /// <summary>Sets a key to a value, both given as text (UTF-8).</summary>
    public WriteBatch Put(string key, string value) =>
        Add(MutationKind.Put, ByteString.CopyFromUtf8(key), ByteString.CopyFrom(Encoding.UTF8.GetBytes(value)));

    /// <summary>Deletes <paramref name="key"/>; that it does not exist is no error.</summary>
    public WriteBatch Delete(ReadOnlyMemory<byte> key) =>
        Add(MutationKind.Delete, ByteString.CopyFrom(key.Span), ByteString.Empty);

    /// <summary>Deletes a key given as text (UTF-8).</summary>
    public WriteBatch Delete(string key) => Add(MutationKind.Delete, ByteString.CopyFromUtf8(key), ByteString.Empty);

    /// <summary>
    /// Sets <paramref name="key"/>, on the condition that it does not exist. Conditions see what was added before them.
    /// When one does not hold, nothing of the batch in that key's region takes effect; see
    /// <see cref="BatchPartOutcome.ConditionFailed"/>.
    /// </summary>
    public WriteBatch PutIfAbsent(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        Add(MutationKind.PutIfAbsent, ByteString.CopyFrom(key.Span), ByteString.CopyFrom(value.Span));

    /// <summary>The same with key and value as text (UTF-8).</summary>
    public WriteBatch PutIfAbsent(string key, string value) =>
        Add(MutationKind.PutIfAbsent, ByteString.CopyFromUtf8(key), ByteString.CopyFromUtf8(value));

    /// <summary>
    /// Sets <paramref name="key"/>, on the condition that it is as <paramref name="expected"/>; see
    /// <see cref="PutIfAbsent(ReadOnlyMemory{byte}, ReadOnlyMemory{byte})"/> for the rest.
    /// </summary>
    public WriteBatch CompareAndPut(
        ReadOnlyMemory<byte> key, KvExpectation expected, ReadOnlyMemory<byte> value) =>
        Add(
            MutationKind.CompareAndPut,
            ByteString.CopyFrom(key.Span),
            ByteString.CopyFrom(value.Span),
            expected.ToMessage());

    /// <summary>The same with key and value as text (UTF-8).</summary>
    public WriteBatch CompareAndPut(string key, KvExpectation expected, string value) =>
        Add(
            MutationKind.CompareAndPut,
            ByteString.CopyFromUtf8(key),
            ByteString.CopyFromUtf8(value),
            expected.ToMessage());

    /// <summary>
    /// Deletes <paramref name="key"/>, on the condition that it is as <paramref name="expected"/>, which cannot be
    /// absent; see <see cref="PutIfAbsent(ReadOnlyMemory{byte}, ReadOnlyMemory{byte})"/> for the rest.
    /// </summary>
    public WriteBatch CompareAndDelete(ReadOnlyMemory<byte> key, KvExpectation expected) =>
        Add(
            MutationKind.CompareAndDelete, ByteString.CopyFrom(key.Span), ByteString.Empty, expected.ToMessage());

    /// <summary>The same with the key as text (UTF-8).</summary>
    public WriteBatch CompareAndDelete(string key, KvExpectation expected) =>
        Add(MutationKind.CompareAndDelete, ByteString.CopyFromUtf8(key), ByteString.Empty, expected.ToMessage());

    /// <summary>Empties the batch for use again.</summary>
    public void Clear()
    {
        _mutations.Clear();
        Bytes = 0;
    }

    private WriteBatch Add(MutationKind kind, ByteString key, ByteString value, Expectation? expected = null)
    {
        _mutations.Add(new Mutation { Kind = kind, Key = key, Value = value, Expected = expected });
        Bytes += key.Length + value.Length + (expected?.Value.Length ?? 0);
        return this;
    }
}
