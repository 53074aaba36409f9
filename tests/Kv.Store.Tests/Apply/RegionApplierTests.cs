using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Memory;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store.Apply;
using Kv.Store.Meta;
using Kv.Testing.Files;

namespace Kv.Store.Tests.Apply;

public sealed class RegionApplierTests
{
    private static readonly SessionId Session = new(3, 4);

    private readonly MemoryEngine _engine = MemoryEngine.Open(new MemoryEngineDisk(new MemoryFileSystem()));
    private readonly GuardedWrite _guarded = new();
    private readonly RegionApplier _applier;
    private ulong _index;

    public RegionApplierTests()
    {
        var descriptor = new RegionDescriptor(
            new RegionId(2), Key("b"), Key("n"), new Kv.Protocol.RegionEpoch(1, 5),
            [new PeerDescriptor(new PeerId(20), new StoreId(1), PeerRole.Voter)]);
        _applier = new RegionApplier(
            new RegionHandle(descriptor, new PeerId(20)),
            new AppliedState(LogIndex.Zero, Term.Zero, 0, 0, 0), 1 << 20, 600_000);
    }

    [Fact]
    public void Apply_Put_WritesValueWithRevisionAndRaisesIt()
    {
        CommandResult first = Assert.Single(Apply(version: 5, Put(1, "c", "one")));
        CommandResult second = Assert.Single(Apply(version: 5, Put(2, "c", "two")));

        Assert.Equal(CommandStatus.Applied, first.Status);
        Assert.Equal(1UL, first.Revision);
        Assert.Equal(2UL, second.Revision);
        Assert.Equal(("two", 2UL), Read("c"));
    }

    [Fact]
    public void Apply_SameIdentityTwice_TakesEffectOnceWithTheFirstOutcome()
    {
        Apply(version: 5, Put(1, "c", "one"));
        Apply(version: 5, Put(2, "c", "two"));

        CommandResult retry = Assert.Single(Apply(version: 5, Put(1, "c", "one")));

        Assert.Equal(CommandStatus.Applied, retry.Status);
        Assert.Equal(1UL, retry.Revision);
        Assert.Equal(("two", 2UL), Read("c"));
    }

    [Fact]
    public void Apply_SameIdentityTwiceInOneEntry_TakesEffectOnce()
    {
        List<CommandResult> results = Apply(version: 5, Put(1, "c", "one"), Put(1, "c", "one"));

        Assert.Equal([1UL, 1UL], results.ConvertAll(result => result.Revision));
        Assert.Equal(1UL, _applier.State.Revision);
    }

    [Theory]
    [InlineData(4UL)]
    [InlineData(6UL)]
    public void Apply_OtherVersion_AnswersEpochNotMatchToAllAndChangesNothing(ulong version)
    {
        List<CommandResult> results = Apply(version, Put(1, "c", "one"), Put(2, "d", "one"));

        Assert.All(results, result => Assert.Equal(CommandStatus.EpochNotMatch, result.Status));
        Assert.Null(Read("c"));
        Assert.Equal(0UL, _applier.State.Revision);
        Assert.Equal(1UL, _applier.State.Index.Value);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("n")]
    [InlineData("z")]
    public void Apply_KeyOutsideTheRegion_IsRefusedAndLeavesNoOutcome(string key)
    {
        CommandResult result = Assert.Single(Apply(version: 5, Put(1, key, "x")));
        Assert.Equal(CommandStatus.KeyNotInRegion, result.Status);

        // The refusal left no outcome: the same identity may still be executed where it belongs.
        Assert.Equal(CommandStatus.Applied, Assert.Single(Apply(version: 5, Put(1, "c", "x"))).Status);
    }

    [Fact]
    public void Apply_BatchWithOneKeyOutside_ChangesNothing()
    {
        byte[] batch = EntryCodec.EncodeWrite(
            Identity(1),
            [Key("c"), Key("z")],
            [
                new Mutation { Value = ByteString.CopyFromUtf8("1") },
                new Mutation { Value = ByteString.CopyFromUtf8("2") },
            ]);

        Assert.Equal(CommandStatus.KeyNotInRegion, Assert.Single(Apply(version: 5, batch)).Status);
        Assert.Null(Read("c"));
    }

    [Fact]
    public void Apply_DishonestStamp_IsRefused()
    {
        byte[] command = EntryCodec.EncodeWrite(
            new CommandIdentity(Session, 1, ulong.MaxValue, 0), [Key("c")], [new Mutation()]);

        Assert.Equal(CommandStatus.BelowFloor, Assert.Single(Apply(version: 5, command)).Status);
    }

    [Fact]
    public void Apply_UnknownCommandKind_StopsThePeerWithNothingOfTheEntryApplied()
    {
        byte[] unknown = Put(2, "d", "x");
        unknown[0] = 200;
        byte[] data = EntryCodec.EncodeEntry(5, 1_000, [Put(1, "c", "x"), unknown]);

        Assert.Equal(EntryNeeds.Stop, _applier.Check(EntryOf(data)));

        Assert.Equal(0UL, _applier.State.Index.Value);
        Assert.Contains("kind 200", _applier.StoppedBy, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_EntryChangedInMemory_IsAnInvariantViolation()
    {
        byte[] data = EntryCodec.EncodeEntry(5, 1_000, [Put(1, "c", "x")]);
        Entry entry = EntryOf(data);
        data[^1] ^= 1;

        Assert.Throws<InvariantViolationException>(() => _applier.Check(entry));
    }

    [Fact]
    public void Apply_RegionTime_NeverGoesBack()
    {
        Apply(5, 9_000, Put(1, "c", "x"));
        CommandResult later = Assert.Single(Apply(5, 4_000, Put(2, "c", "y")));

        Assert.Equal(9_000UL, later.RegionTime);
        Assert.Equal(9_000UL, _applier.State.RegionTime);
    }

    [Fact]
    public void Apply_AfterUnload_StillKnowsTheOutcome()
    {
        Apply(version: 5, Put(1, "c", "one"));
        _applier.Unload();
        Apply(version: 5, Put(2, "c", "two"));
        _applier.Unload();

        Assert.Equal(1UL, Assert.Single(Apply(version: 5, Put(1, "c", "one"))).Revision);
        Assert.Equal(("two", 2UL), Read("c"));
    }

    private static byte[] Key(string text) => [KeySpace.UserPrefix, .. Encoding.UTF8.GetBytes(text)];

    private static CommandIdentity Identity(ulong sequence) => new(Session, sequence, 1_000, 0);

    private static byte[] Put(ulong sequence, string key, string value) => EntryCodec.EncodeWrite(
        Identity(sequence), [Key(key)], [new Mutation { Value = ByteString.CopyFromUtf8(value) }]);

    private Entry EntryOf(byte[] data) => new(
        new LogIndex(_index + 1), new Term(1), EntryKind.Normal, data, Crc32C.Compute(data));

    private List<CommandResult> Apply(ulong version, params byte[][] commands) => Apply(version, 1_000, commands);

    private List<CommandResult> Apply(ulong version, ulong time, params byte[][] commands)
    {
        var results = new List<CommandResult>();
        using var batch = new ApplyBatch(_engine);
        Entry entry = EntryOf(EntryCodec.EncodeEntry(version, time, commands));
        Assert.Equal(EntryNeeds.Nothing, _applier.Check(entry));
        _applier.Apply(entry, batch, _guarded, results, observer: null);
        _index++;
        batch.Write();
        return results;
    }

    private (string Value, ulong Revision)? Read(string key)
    {
        byte[]? stored = _engine.Get(ColumnFamily.Data, Key(key));
        return stored is null
            ? null
            : (Encoding.UTF8.GetString(StoredValue.Read(stored, out ulong revision)), revision);
    }
}
