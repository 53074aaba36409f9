using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store.Apply;
using Kv.Store.Meta;

namespace Kv.Store.Tests.Apply;

/// <summary>One region [b, n) of version 5 over an engine, driven entry by entry as the apply loop does.</summary>
internal sealed class ApplyRig : IDisposable
{
    private static readonly SessionId Session = new(3, 4);

    private readonly ApplyBatch _batch;
    private ulong _index;
    private ulong _lastSequence;

    public ApplyRig(IEngine engine)
    {
        Engine = engine;
        _batch = new ApplyBatch(engine);
        var descriptor = new RegionDescriptor(
            new RegionId(2), Key("b"), Key("n"), new Kv.Protocol.RegionEpoch(1, 5),
            [new PeerDescriptor(new PeerId(20), new StoreId(1), PeerRole.Voter)]);
        Applier = new RegionApplier(
            new RegionHandle(descriptor, new PeerId(20)),
            new AppliedState(LogIndex.Zero, Term.Zero, 0, 0, 0), 1 << 20, 600_000);
    }

    public IEngine Engine { get; }

    public RegionApplier Applier { get; }

    public GuardedWrite Guarded { get; } = new();

    public static byte[] Key(string text) => [KeySpace.UserPrefix, .. Encoding.UTF8.GetBytes(text)];

    public static Mutation Put(string key, string value) => new() { Key = Text(key), Value = Text(value) };

    public static Mutation Delete(string key) => new() { Kind = MutationKind.Delete, Key = Text(key) };

    public static Mutation PutIfAbsent(string key, string value) =>
        new() { Kind = MutationKind.PutIfAbsent, Key = Text(key), Value = Text(value) };

    public static Mutation GetAndPut(string key, string value) =>
        new() { Kind = MutationKind.GetAndPut, Key = Text(key), Value = Text(value) };

    public static Mutation CompareAndPut(string key, Expectation expected, string value) => new()
    {
        Kind = MutationKind.CompareAndPut, Key = Text(key), Expected = expected, Value = Text(value),
    };

    public static Mutation CompareAndDelete(string key, Expectation expected) =>
        new() { Kind = MutationKind.CompareAndDelete, Key = Text(key), Expected = expected };

    public static Mutation DeleteRange(string start, string end) =>
        new() { Kind = MutationKind.DeleteRange, Key = Text(start), EndKey = Text(end) };

    public static Mutation Sequence(string key, long step) =>
        new() { Kind = MutationKind.Sequence, Key = Text(key), Number = step };

    public static Mutation SequenceReset(string key, long next) =>
        new() { Kind = MutationKind.SequenceReset, Key = Text(key), Number = next };

    public static Expectation Absent() => new() { Absent = true };

    public static Expectation Value(string value) => new() { Value = Text(value) };

    public static Expectation Revision(ulong revision) => new() { Revision = revision };

    /// <summary>A command of these mutations under the next sequence, or under the one given.</summary>
    public byte[] Command(params Mutation[] mutations) => Command(++_lastSequence, 0, mutations);

    public static byte[] Command(ulong sequence, uint firstIndex, params Mutation[] mutations) =>
        EntryCodec.EncodeWrite(
            new CommandIdentity(Session, sequence, 1_000, 0),
            Array.ConvertAll(mutations, mutation => Key(mutation.Key.ToStringUtf8())),
            mutations,
            Array.ConvertAll(mutations, mutation =>
                mutation.Kind == MutationKind.DeleteRange ? Key(mutation.EndKey.ToStringUtf8()) : null),
            firstIndex);

    /// <summary>The next command with one write, alone in its entry and batch; its answer.</summary>
    public WriteResult Write(params Mutation[] mutations) => AnswerOf(Assert.Single(Apply(Command(mutations))));

    public static WriteResult AnswerOf(CommandResult result)
    {
        Assert.Equal(CommandStatus.Applied, result.Status);
        return result.Told ?? new WriteResult { Revision = result.Revision };
    }

    /// <summary>One entry in a batch of its own.</summary>
    public List<CommandResult> Apply(params byte[][] commands)
    {
        List<CommandResult> results = ApplyOnly(commands);
        _batch.Write();
        return results;
    }

    /// <summary>One entry into the batch being built, which <see cref="WriteBatch"/> writes.</summary>
    public List<CommandResult> ApplyOnly(params byte[][] commands)
    {
        var results = new List<CommandResult>();
        Entry entry = EntryOf(EntryCodec.EncodeEntry(5, 1_000, commands));
        EntryNeeds needs = Applier.Check(entry);
        Assert.NotEqual(EntryNeeds.Stop, needs);
        if (needs == EntryNeeds.Reads && !_batch.IsReadable)
        {
            _batch.Write();
            _batch.MakeReadable();
        }

        Applier.Apply(entry, _batch, Guarded, results, observer: null);
        _index++;
        return results;
    }

    public void WriteBatch() => _batch.Write();

    public Entry EntryOf(byte[] data) => new(
        new LogIndex(_index + 1), new Term(1), EntryKind.Normal, data, Crc32C.Compute(data));

    /// <summary>"value revision"; null = absent.</summary>
    public string? Read(string key)
    {
        byte[]? stored = Engine.Get(ColumnFamily.Data, Key(key));
        return stored is null
            ? null
            : $"{Encoding.UTF8.GetString(StoredValue.Read(stored, out ulong revision))} {revision}";
    }

    /// <summary>Everything in the engine, family by family, in order.</summary>
    public List<string> Dump()
    {
        var rows = new List<string>();
        foreach (ColumnFamily family in (ColumnFamily[])[ColumnFamily.Data, ColumnFamily.Aux, ColumnFamily.Meta])
        {
            using IEngineIterator iterator = Engine.Iterate(family, default, null);
            for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
            {
                rows.Add($"{family} {Convert.ToHexString(iterator.Key)} {Convert.ToHexString(iterator.Value)}");
            }
        }

        return rows;
    }

    public void Dispose() => _batch.Dispose();

    private static ByteString Text(string text) => ByteString.CopyFromUtf8(text);
}
