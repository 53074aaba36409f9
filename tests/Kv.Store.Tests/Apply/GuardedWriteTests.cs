using Google.Protobuf;
using Kv.Engine;
using Kv.Engine.Memory;
using Kv.Engine.RocksDb;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Store.Apply;
using Kv.Testing.Files;
using static Kv.Store.Tests.Apply.ApplyRig;

namespace Kv.Store.Tests.Apply;

/// <summary>Writes with conditions, ranges and sequences at apply; the same over both engines (Apply law).</summary>
public abstract class GuardedWriteTests : IDisposable
{
    private readonly IEngine _engine;
    private readonly ApplyRig _rig;

    private protected GuardedWriteTests(IEngine engine)
    {
        _engine = engine;
        _rig = new ApplyRig(engine);
    }

    public void Dispose()
    {
        _rig.Dispose();
        _engine.Dispose();
        Clean();
        GC.SuppressFinalize(this);
    }

    private protected virtual void Clean()
    {
    }

    [Fact]
    public void PutIfAbsent_AbsentThenPresent_PutsOnceAndThenTellsWhatIsThere()
    {
        WriteResult first = _rig.Write(PutIfAbsent("c", "one"));
        WriteResult second = _rig.Write(PutIfAbsent("c", "two"));

        Assert.Equal(new WriteResult { Revision = 1 }, first);
        Assert.Equal(
            new WriteResult
            {
                Revision = 2,
                Outcome = WriteOutcome.ConditionFailed,
                Results = { new MutationResult { Failed = true, Found = true, Value = Utf8("one"), Revision = 1 } },
            },
            second);
        Assert.Equal("one 1", _rig.Read("c"));
    }

    [Fact]
    public void PutIfAbsent_EmptyValue_IsAValue()
    {
        _rig.Write(PutIfAbsent("c", ""));

        Assert.Equal(WriteOutcome.ConditionFailed, _rig.Write(PutIfAbsent("c", "two")).Outcome);
        Assert.Equal(" 1", _rig.Read("c"));
    }

    [Fact]
    public void CompareAndPut_ByValue_HoldsOnlyForTheSameBytes()
    {
        Assert.Equal(WriteOutcome.ConditionFailed, _rig.Write(CompareAndPut("c", Value(""), "x")).Outcome);
        _rig.Write(Put("c", "one"));

        Assert.Equal(WriteOutcome.ConditionFailed, _rig.Write(CompareAndPut("c", Value("on"), "x")).Outcome);
        Assert.Equal(WriteOutcome.ConditionFailed, _rig.Write(CompareAndPut("c", Value("one "), "x")).Outcome);
        Assert.Equal(new WriteResult { Revision = 5 }, _rig.Write(CompareAndPut("c", Value("one"), "two")));
        Assert.Equal("two 5", _rig.Read("c"));
    }

    [Fact]
    public void CompareAndPut_ByRevision_HoldsOnlyForTheNewestWriteOfTheKey()
    {
        _rig.Write(Put("c", "same"));
        _rig.Write(Put("d", "other"));
        _rig.Write(Put("c", "same"));

        WriteResult stale = _rig.Write(CompareAndPut("c", Revision(1), "x"));
        Assert.Equal(WriteOutcome.ConditionFailed, stale.Outcome);
        Assert.Equal(3UL, Assert.Single(stale.Results).Revision);
        Assert.Equal(WriteOutcome.ConditionFailed, _rig.Write(CompareAndPut("e", Revision(1), "x")).Outcome);
        Assert.Equal(WriteOutcome.Applied, _rig.Write(CompareAndPut("c", Revision(3), "y")).Outcome);
        Assert.Equal("y 6", _rig.Read("c"));
    }

    [Fact]
    public void CompareAndPut_Absent_IsPutIfAbsent()
    {
        Assert.Equal(WriteOutcome.Applied, _rig.Write(CompareAndPut("c", Absent(), "one")).Outcome);
        Assert.Equal(WriteOutcome.ConditionFailed, _rig.Write(CompareAndPut("c", Absent(), "two")).Outcome);
    }

    [Fact]
    public void CompareAndDelete_ByValueOrRevision_DeletesOnlyWhatIsExpected()
    {
        _rig.Write(Put("c", "one"));

        WriteResult wrong = _rig.Write(CompareAndDelete("c", Value("two")));
        Assert.Equal(Utf8("one"), Assert.Single(wrong.Results).Value);
        Assert.Equal("one 1", _rig.Read("c"));
        Assert.Equal(new WriteResult { Revision = 3 }, _rig.Write(CompareAndDelete("c", Value("one"))));
        Assert.Null(_rig.Read("c"));
        WriteResult gone = _rig.Write(CompareAndDelete("c", Revision(1)));
        Assert.Equal(new MutationResult { Failed = true }, Assert.Single(gone.Results));
    }

    [Fact]
    public void GetAndPut_TellsWhatWasThereBefore()
    {
        Assert.Equal(
            new WriteResult { Revision = 1, Results = { new MutationResult() } }, _rig.Write(GetAndPut("c", "one")));
        Assert.Equal(
            new MutationResult { Found = true, Value = Utf8("one"), Revision = 1 },
            Assert.Single(_rig.Write(GetAndPut("c", "two")).Results));
        Assert.Equal("two 2", _rig.Read("c"));
    }

    [Fact]
    public void DeleteRange_DeletesStartInclusiveEndExclusive_AndNoSequence()
    {
        foreach (string key in (string[])["b", "c", "d", "dd", "e"])
        {
            _rig.Write(Put(key, "v"), Sequence(key, 1));
        }

        Assert.Equal(new WriteResult { Revision = 6 }, _rig.Write(DeleteRange("c", "e")));

        Assert.Equal("v 1, -, -, -, v 5", ReadAll("b", "c", "d", "dd", "e"));
        Assert.Equal(1, Assert.Single(_rig.Write(Sequence("d", 0)).Results).Start);
    }

    [Theory]
    [InlineData("b", "n", true)]
    [InlineData("a", "c", false)]
    [InlineData("c", "n\0", false)]
    [InlineData("n", "o", false)]
    public void DeleteRange_MustLieInTheRegion(string start, string end, bool lies)
    {
        _rig.Write(Put("c", "v"));

        CommandResult result = Assert.Single(_rig.Apply(_rig.Command(DeleteRange(start, end))));

        Assert.Equal(lies ? CommandStatus.Applied : CommandStatus.KeyNotInRegion, result.Status);
        Assert.Equal(lies ? null : "v 1", _rig.Read("c"));
    }

    [Fact]
    public void Sequence_HandsOutBlocksOneAfterTheOther_AndTellsWhereItStands()
    {
        Assert.Equal([0L, 0L, 10L, 15L, 15L], Starts("c", 0, 10, 5, 0, 1));
        Assert.Equal([0L], Starts("d", 7));
        Assert.Null(_rig.Read("c"));
    }

    [Fact]
    public void Sequence_PastTheLastNumber_IsExhaustedAndChangesNothing()
    {
        Assert.Equal([0L, long.MaxValue], Starts("c", long.MaxValue, 0));
        WriteResult over = _rig.Write(Put("d", "x"), Sequence("c", 1));

        Assert.Equal(WriteOutcome.SequenceExhausted, over.Outcome);
        Assert.Equal(
            new MutationResult { Index = 1, Failed = true, Start = long.MaxValue }, Assert.Single(over.Results));
        Assert.Null(_rig.Read("d"));
        Assert.Equal([long.MaxValue], Starts("c", 0));
    }

    [Fact]
    public void SequenceReset_GoesOnThere_AndTellsWhereItStood()
    {
        Starts("c", 10);

        Assert.Equal(10, Assert.Single(_rig.Write(SequenceReset("c", 100)).Results).Start);
        Assert.Equal([100L, 101L], Starts("c", 1, 0));
        _rig.Write(SequenceReset("c", 0));
        Assert.Null(_rig.Engine.Get(ColumnFamily.Aux, Key("c")));
        Assert.Equal([0L], Starts("c", 1));
    }

    [Fact]
    public void ManyMutations_OneConditionFails_NothingTakesEffectAndEachFailureIsTold()
    {
        _rig.Write(Put("c", "1"), Put("d", "2"), Put("e", "3"));

        WriteResult result = _rig.Write(
            CompareAndPut("c", Value("1"), "x"), GetAndPut("d", "x"), CompareAndPut("e", Value("no"), "x"),
            Sequence("f", 5), DeleteRange("b", "e"), PutIfAbsent("e", "x"), PutIfAbsent("g", "x"));

        Assert.Equal(WriteOutcome.ConditionFailed, result.Outcome);
        Assert.Equal([2U, 5U], result.Results.Select(told => told.Index));
        Assert.All(result.Results, told => Assert.Equal(Utf8("3"), told.Value));
        Assert.Equal("1 1, 2 1, 3 1, -", ReadAll("c", "d", "e", "g"));
        Assert.Equal([0L], Starts("f", 0));
    }

    [Fact]
    public void ManyMutations_AllConditionsHold_TheirOrderIsWhatLaterOnesSee()
    {
        WriteResult result = _rig.Write(
            Put("c", "1"), CompareAndPut("c", Value("1"), "2"), GetAndPut("c", "3"), DeleteRange("b", "d"),
            PutIfAbsent("c", "4"), CompareAndPut("c", Revision(1), "5"), Sequence("c", 2), Sequence("c", 3));

        Assert.Equal(WriteOutcome.Applied, result.Outcome);
        Assert.Equal([2U, 6U, 7U], result.Results.Select(told => told.Index));
        Assert.Equal(Utf8("2"), result.Results[0].Value);
        Assert.Equal([0L, 2L], [result.Results[1].Start, result.Results[2].Start]);
        Assert.Equal("5 1", _rig.Read("c"));
    }

    [Fact]
    public void CommandsOfOneEntry_SeeEachOther_PlainOnesAndRangesIncluded()
    {
        _rig.Write(Put("c", "old"), Put("d", "old"));

        List<CommandResult> results = _rig.Apply(
            _rig.Command(Delete("c")),
            _rig.Command(PutIfAbsent("c", "1")),
            _rig.Command(Put("d", "new")),
            _rig.Command(CompareAndPut("d", Value("new"), "2")),
            _rig.Command(DeleteRange("b", "m")),
            _rig.Command(PutIfAbsent("d", "3")),
            _rig.Command(PutIfAbsent("d", "4")),
            _rig.Command(GetAndPut("c", "5")));

        Assert.Equal(
            [WriteOutcome.Applied, WriteOutcome.Applied, WriteOutcome.Applied, WriteOutcome.Applied,
                WriteOutcome.Applied, WriteOutcome.Applied, WriteOutcome.ConditionFailed, WriteOutcome.Applied],
            results.Select(result => AnswerOf(result).Outcome));
        Assert.False(Assert.Single(AnswerOf(results[7]).Results).Found);
        Assert.Equal("5 9, 3 7", ReadAll("c", "d"));
    }

    [Fact]
    public void EntriesOfOneBatch_SeeEachOther_AlsoThoseThatWerePlain()
    {
        _rig.ApplyOnly(_rig.Command(Put("c", "1")));
        CommandResult first = Assert.Single(_rig.ApplyOnly(_rig.Command(CompareAndPut("c", Value("1"), "2"))));
        _rig.ApplyOnly(_rig.Command(Put("c", "3")));
        CommandResult second = Assert.Single(_rig.ApplyOnly(_rig.Command(CompareAndPut("c", Value("3"), "4"))));
        _rig.ApplyOnly(_rig.Command(Delete("c")));
        CommandResult third = Assert.Single(_rig.ApplyOnly(_rig.Command(PutIfAbsent("c", "5"))));
        _rig.WriteBatch();

        Assert.All([first, second, third], result => Assert.Equal(WriteOutcome.Applied, AnswerOf(result).Outcome));
        Assert.Equal("5 6", _rig.Read("c"));
    }

    [Fact]
    public void Revision_IsRaisedByEveryDecidedWrite_WhateverItsOutcome()
    {
        _rig.Write(PutIfAbsent("c", "1"));
        _rig.Write(PutIfAbsent("c", "2"));
        _rig.Write(Sequence("c", 0));

        Assert.Equal(3UL, _rig.Applier.State.Revision);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Retry_IsToldTheFirstOutcome_ThoughTheConditionWouldHoldNow(bool unloads)
    {
        byte[] command = _rig.Command(PutIfAbsent("c", "mine"));
        _rig.Write(Put("c", "theirs"));
        WriteResult first = AnswerOf(Assert.Single(_rig.Apply(command)));
        _rig.Write(Delete("c"));
        if (unloads)
        {
            _rig.Applier.Unload();
        }

        WriteResult retry = AnswerOf(Assert.Single(_rig.Apply(command)));

        Assert.Equal(WriteOutcome.ConditionFailed, first.Outcome);
        Assert.Equal(first, retry);
        Assert.Null(_rig.Read("c"));
    }

    [Fact]
    public void Retry_OfASequence_GetsTheSameBlock()
    {
        byte[] command = _rig.Command(Sequence("c", 10));
        WriteResult first = AnswerOf(Assert.Single(_rig.Apply(command)));
        Starts("c", 10);
        _rig.Applier.Unload();

        Assert.Equal(first, AnswerOf(Assert.Single(_rig.Apply(command))));
        Assert.Equal([20L], Starts("c", 0));
    }

    [Fact]
    public void Retry_OfALargeResult_IsToldThatItWasAppliedAndTheResultDropped()
    {
        string large = new('x', RememberedResult.ResultBytesMax);
        _rig.Write(Put("c", large));
        byte[] swap = _rig.Command(GetAndPut("c", "small"));
        byte[] refused = _rig.Command(CompareAndPut("d", Value("no"), "x"));
        _rig.Write(Put("d", large));
        Assert.Equal(Utf8(large), Assert.Single(AnswerOf(Assert.Single(_rig.Apply(swap))).Results).Value);
        Assert.Single(AnswerOf(Assert.Single(_rig.Apply(refused))).Results);
        _rig.Applier.Unload();

        Assert.Equal(
            new WriteResult { Revision = 3, ResultsDropped = true }, AnswerOf(Assert.Single(_rig.Apply(swap))));
        Assert.Equal(
            new WriteResult { Revision = 4, Outcome = WriteOutcome.ConditionFailed, ResultsDropped = true },
            AnswerOf(Assert.Single(_rig.Apply(refused))));
        Assert.Equal("small 3", _rig.Read("c"));
    }

    [Fact]
    public void RetryOfACutPart_CountsItsResultsFromTheWhole()
    {
        _rig.Write(Put("e", "1"));
        byte[] whole = _rig.Command(PutIfAbsent("c", "x"), PutIfAbsent("e", "x"));
        _rig.Apply(whole);

        // The rest of the same write, cut off after a split; the whole had been executed, or had not.
        byte[] rest = Command(2, firstIndex: 1, PutIfAbsent("e", "x"));
        byte[] never = Command(9, firstIndex: 1, PutIfAbsent("e", "x"));

        Assert.Equal(1U, Assert.Single(AnswerOf(Assert.Single(_rig.Apply(rest))).Results).Index);
        Assert.Equal(1U, Assert.Single(AnswerOf(Assert.Single(_rig.Apply(never))).Results).Index);
    }

    [Fact]
    public void RetryOfARangeThatWasCut_RunsOnlyWhatHasNotRun()
    {
        byte[] left = Command(7, 0, DeleteRange("c", "e"));
        byte[] right = Command(7, 0, DeleteRange("e", "g"));
        _rig.Apply(left);
        _rig.Write(Put("d", "later"), Put("e", "later"));

        _rig.Apply(left);
        _rig.Apply(right);

        Assert.Equal("later 2", _rig.Read("d"));
        Assert.Null(_rig.Read("e"));
    }

    [Fact]
    public void AnswerWithManyValues_HoldsNoMoreThanItsBytes()
    {
        string value = new('x', GuardedWrite.ValueBytesMax / 2);
        string[] keys = ["c", "d", "e", "f"];
        foreach (string key in keys)
        {
            _rig.Write(Put(key, value));
        }

        WriteResult result = _rig.Write(Array.ConvertAll(keys, key => GetAndPut(key, "x")));

        Assert.Equal([false, false, true, true], result.Results.Select(told => told.ValueDropped));
        Assert.All(result.Results, told => Assert.True(told.Found && told.Revision > 0));
        Assert.True(result.CalculateSize() < GuardedWrite.ValueBytesMax + 1024);
    }

    [Fact]
    public void Entry_WithAMutationKindNobodyKnows_StopsThePeer()
    {
        byte[] command = _rig.Command(Sequence("c", 1));
        int kindAt = Array.LastIndexOf(command, (byte)MutationKind.Sequence, command.Length - 4);
        command[kindAt] = 99;

        Assert.Equal(EntryNeeds.Stop, _rig.Applier.Check(_rig.EntryOf(EntryCodec.EncodeEntry(5, 1_000, [command]))));
        Assert.Contains("mutation kind 99", _rig.Applier.StoppedBy, StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_AreByKind()
    {
        _rig.Write(PutIfAbsent("c", "1"), Sequence("c", 1));
        _rig.Write(PutIfAbsent("c", "1"));

        Assert.Equal(2, _rig.Guarded.Counts.Of(MutationKind.PutIfAbsent));
        Assert.Equal(1, _rig.Guarded.Counts.Of(MutationKind.Sequence));
        Assert.Equal(1, _rig.Guarded.Counts.Refused);
    }

    private static ByteString Utf8(string text) => ByteString.CopyFromUtf8(text);

    private string ReadAll(params string[] keys) => string.Join(", ", keys.Select(key => _rig.Read(key) ?? "-"));

    private long[] Starts(string key, params long[] steps) =>
        Array.ConvertAll(steps, step => Assert.Single(_rig.Write(Sequence(key, step)).Results).Start);
}

public sealed class MemoryGuardedWriteTests()
    : GuardedWriteTests(MemoryEngine.Open(new MemoryEngineDisk(new MemoryFileSystem())));

public sealed class RocksDbGuardedWriteTests : GuardedWriteTests
{
    private readonly string _folder;

    public RocksDbGuardedWriteTests()
        : this(Directory.CreateTempSubdirectory("kv-guarded-").FullName)
    {
    }

    private RocksDbGuardedWriteTests(string folder)
        : base(Open(folder)) => _folder = folder;

    private protected override void Clean() => Directory.Delete(_folder, recursive: true);

    internal static RocksDbEngine Open(string folder)
    {
        Assert.SkipWhen(!RocksDbLibrary.TryLoad(out string? reason), reason ?? "");
        return RocksDbEngine.Open(
            new RocksDbEngineOptions { Folder = Path.Combine(folder, "engine"), CreateIfMissing = true });
    }
}
