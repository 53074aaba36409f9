using Google.Protobuf;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Store.Reads;

namespace Kv.Store.Tests.Requests;

/// <summary>Conditions, ranges, sequences, multi-get and exists through the door of a whole store.</summary>
public sealed class GuardedRequestTests
{
    private static readonly WriteIdentity Identity = new()
    {
        Session = ByteString.CopyFrom(new byte[16]), Sequence = 1, LowestUnacknowledged = 1,
    };

    [Fact]
    public void CompareAndPut_ThroughTheDoor_AnswersOutcomeAndWhatWasFound()
    {
        using var rig = new StoreRig();
        ulong revision = rig.Write(Put("a", "1")).Revision;

        WriteResult refused = rig.Write(Compare("a", new Expectation { Value = StoreRig.Text("2") }, "3"));
        WriteResult done = rig.Write(Compare("a", new Expectation { Revision = revision }, "3"));

        Assert.Equal(WriteOutcome.ConditionFailed, refused.Outcome);
        MutationResult found = Assert.Single(refused.Results);
        Assert.Equal((true, true, "1", revision),
            (found.Failed, found.Found, found.Value.ToStringUtf8(), found.Revision));
        Assert.Equal(new WriteResult { Revision = revision + 2 }, done);
        Assert.Equal("3", rig.Get("a"));
        Assert.Equal(1, rig.Status().WritesRefusedCount);
        Assert.Contains((MutationKind.CompareAndPut, 2L), rig.Status().GuardedMutations);
    }

    [Fact]
    public void Put_AnswersTheSameBytesAsEver()
    {
        using var rig = new StoreRig();

        Assert.Equal("0801", Convert.ToHexString(rig.Write(Put("a", "1")).ToByteArray()));
    }

    [Fact]
    public void Retry_WithTheSameIdentity_IsToldTheFirstOutcome()
    {
        using var rig = new StoreRig();
        rig.Write(Sequence(2));
        Request request = StoreRig.WriteRequest(Sequence(5));
        request.Write.Identity = Identity.Clone();
        request.Write.Identity.Stamp =
            rig.Ask(new Request { Get = new GetCommand { Key = StoreRig.Text("a") } }).RegionTime;

        WriteResult first = rig.Ask(request.Clone()).Write;
        WriteResult again = rig.Ask(request.Clone()).Write;

        Assert.Equal(2, Assert.Single(first.Results).Start);
        Assert.Equal(first, again);
    }

    [Fact]
    public void DeleteRange_WithoutEnd_GoesToTheRegionsEnd()
    {
        using var rig = new StoreRig();
        rig.Write(Put("a", "1"), Put("l", "1"));
        rig.Write(Put("m", "1"), Put("z", "1"));

        rig.Write(Range("b", ""));
        Assert.Equal(["1", null, "1", "1"], Array.ConvertAll<string, object?>(["a", "l", "m", "z"], rig.Get));
        rig.Write(Range("", "m"));
        Assert.Null(rig.Get("a"));
        rig.Write(Range("m", ""));
        Assert.Equal([null, null], Array.ConvertAll<string, object?>(["m", "z"], rig.Get));
    }

    [Fact]
    public void DeleteRange_BeyondTheRegion_IsKeyNotInRegion()
    {
        using var rig = new StoreRig();

        RegionError error = rig.Refused(Range("b", "n"));

        Assert.Equal(RegionError.KindOneofCase.KeyNotInRegion, error.KindCase);
        Assert.Equal("n", error.KeyNotInRegion.Key.ToStringUtf8());
        Assert.Equal("m", error.KeyNotInRegion.Region.Region.EndKey.ToStringUtf8());
        Assert.Equal(RegionError.KindOneofCase.KeyNotInRegion, rig.Refused(Put("b", ""), Range("x", "y")).KindCase);
    }

    [Fact]
    public void SameKeyTwiceInOneWrite_LaterSeesEarlier()
    {
        using var rig = new StoreRig();

        WriteResult result = rig.Write(
            Put("a", "1"),
            Compare("a", new Expectation { Value = StoreRig.Text("1") }, "2"),
            new Mutation { Kind = MutationKind.GetAndPut, Key = StoreRig.Text("a"), Value = StoreRig.Text("3") });

        Assert.Equal("2", Assert.Single(result.Results).Value.ToStringUtf8());
        Assert.Equal("3", rig.Get("a"));
    }

    public static TheoryData<string, string, string> Wrong => new()
    {
        // what, field, words of the message
        { "empty key", "key", "empty" },
        { "long key", "key", "at most 8" },
        { "long value", "value", "at most 16" },
        { "long expected value", "expected", "17 bytes" },
        { "put without expectation", "expected", "says what it expects" },
        { "put with empty expectation", "expected", "says what it expects" },
        { "delete without expectation", "expected", "a value or a revision" },
        { "delete if absent", "expected", "cannot be deleted" },
        { "absent that is false", "expected", "only be true" },
        { "revision 0", "expected", "absent" },
        { "expectation of a put", "expected", "no use" },
        { "end of a put", "end_key", "no use" },
        { "number of a put", "number", "no use" },
        { "value of a delete", "value", "no use" },
        { "value of a sequence", "value", "no use" },
        { "start behind end", "end_key", "after its start" },
        { "start at end", "end_key", "after its start" },
        { "long bound", "key", "bound" },
        { "step below 0", "number", "-1" },
        { "reset below 0", "number", "-9223372036854775808" },
        { "unknown kind", "mutations", "kind 99" },
        { "negative kind", "mutations", "kind -1" },
        { "no mutation", "mutations", "no mutation" },
        { "too many mutations", "mutations", "at most 5" },
        { "too many bytes", "mutations", "at most 40" },
        { "index out of reach", "first_index", "place" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void WrongMutation_IsRefusedByField_AndTheStoreLives(string what, string field, string words)
    {
        using var rig = new StoreRig(new Limits
        {
            KeyBytesMax = 8, ValueBytesMax = 16, BatchCountMax = 5, BatchBytesMax = 40,
        });
        Request request = StoreRig.WriteRequest(WrongMutations(what));
        request.Write.FirstIndex = what == "index out of reach" ? (uint)int.MaxValue : 0;

        RegionError error = rig.Refused(request);

        Assert.Equal(RegionError.KindOneofCase.InvalidRequest, error.KindCase);
        Assert.Equal(field, error.InvalidRequest.Field);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Equal(1UL, rig.Write(Put("a", "1")).Revision);
    }

    [Fact]
    public void Sequence_StepsAtTheEdges_AreReadAndExhaustedWithoutAWrap()
    {
        using var rig = new StoreRig();

        Assert.Equal(0, Assert.Single(rig.Write(Sequence(0)).Results).Start);
        Assert.Equal(WriteOutcome.Applied, rig.Write(Sequence(long.MaxValue)).Outcome);
        Assert.Equal(WriteOutcome.SequenceExhausted, rig.Write(Sequence(long.MaxValue)).Outcome);
        Assert.Equal(long.MaxValue, Assert.Single(rig.Write(Sequence(0)).Results).Start);
    }

    [Theory]
    [InlineData(ReadMode.Lease, 0)]
    [InlineData(ReadMode.Lease, 2)]
    [InlineData(ReadMode.ReadIndex, 0)]
    public void Exists_TellsWithoutTheValue(ReadMode mode, int uncachedEvery)
    {
        using var rig = new StoreRig(uncachedEvery: uncachedEvery);
        ulong revision = rig.Write(Put("a", "")).Revision;

        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(new GetResult { Found = true, Revision = revision }, Exists(rig, "a", mode));
            Assert.Equal(new GetResult(), Exists(rig, "b", mode));
        }

        Assert.Equal(8, rig.Status().ExistsReadCount);
    }

    [Theory]
    [InlineData(ReadMode.Lease)]
    [InlineData(ReadMode.ReadIndex)]
    public void MultiGet_AnswersInTheOrderAsked_DuplicatesAndAbsentIncluded(ReadMode mode)
    {
        using var rig = new StoreRig();
        rig.Write(Put("a", "1"), Put("b", ""), Put("c", "3"));

        MultiGetResponse answer = rig.Ask(MultiGet(mode, "c", "d1", "a", "c", "b")).MultiGet;

        Assert.Equal(5, answer.Results.Count);
        Assert.Equal(
            ["3", "-", "1", "3", ""], answer.Results.Select(one => one.Found ? one.Value.ToStringUtf8() : "-"));
        Assert.Equal(1, rig.Status().MultiGetCount);
    }

    [Fact]
    public void MultiGet_ExistsOnly_LeavesValuesOut()
    {
        using var rig = new StoreRig();
        rig.Write(Put("a", "1"));
        Request request = MultiGet(ReadMode.Lease, "a", "b");
        request.MultiGet.ExistsOnly = true;

        MultiGetResponse answer = rig.Ask(request).MultiGet;

        Assert.Equal([new GetResult { Found = true, Revision = 1 }, new GetResult()], answer.Results);
    }

    [Fact]
    public void MultiGet_MoreBytesThanOneAnswerHolds_AnswersAPrefixAndAtLeastOneKey()
    {
        using var rig = new StoreRig(new Limits { ScanPageBytesMax = 250 });
        rig.Write(Put("a", new string('x', 100)), Put("b", new string('x', 100)), Put("c", new string('x', 1_000)));

        Assert.Equal(3, Count("a", "b", "c", "a"));
        Assert.Equal(1, Count("c", "a"));
        return;

        int Count(params string[] keys) => rig.Ask(MultiGet(ReadMode.Lease, keys)).MultiGet.Results.Count;
    }

    [Fact]
    public void MultiGet_ManyKeys_AreAnsweredInPortions()
    {
        using var rig = new StoreRig();
        string[] keys = Enumerable.Range(0, ReadLoop.MultiGetAnswersMax + 1).Select(i => $"a{i}").ToArray();

        Assert.Equal(
            ReadLoop.MultiGetAnswersMax, rig.Ask(MultiGet(ReadMode.Lease, keys)).MultiGet.Results.Count);
    }

    [Fact]
    public void MultiGet_WrongInput_IsRefusedByField()
    {
        using var rig = new StoreRig(new Limits { MultiGetCountMax = 2, KeyBytesMax = 8 });

        Invalid("keys", "0 keys");
        Invalid("keys", "3 keys", "a", "b", "c");
        Invalid("key", "empty", "a", "");
        Invalid("key", "9 bytes", "a", "123456789");
        Assert.Equal(
            RegionError.KindOneofCase.KeyNotInRegion, rig.Refused(MultiGet(ReadMode.Lease, "a", "z")).KindCase);
        Request stale = MultiGet(ReadMode.Lease, "a");
        (stale.RegionId, stale.Version) = (StoreRig.Left, StoreRig.Version + 1);
        Assert.Equal(RegionError.KindOneofCase.EpochNotMatch, rig.Refused(stale).KindCase);
        return;

        void Invalid(string field, string words, params string[] keys)
        {
            RegionError error = rig.Refused(MultiGet(ReadMode.Lease, keys));
            Assert.Equal(field, error.InvalidRequest?.Field);
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        }
    }

    private static Mutation[] WrongMutations(string what) => what switch
    {
        "empty key" => [new() { Kind = MutationKind.PutIfAbsent }],
        "long key" => [new() { Kind = MutationKind.Sequence, Key = StoreRig.Text("123456789") }],
        "long value" => [new() { Kind = MutationKind.GetAndPut, Key = StoreRig.Text("a"), Value = Long() }],
        "long expected value" => [Compare("a", new Expectation { Value = Long() }, "")],
        "put without expectation" => [Compare("a", null, "")],
        "put with empty expectation" => [Compare("a", new Expectation(), "")],
        "delete without expectation" => [CompareDelete(null)],
        "delete if absent" => [CompareDelete(new Expectation { Absent = true })],
        "absent that is false" => [Compare("a", new Expectation { Absent = false }, "")],
        "revision 0" => [CompareDelete(new Expectation { Revision = 0 })],
        "expectation of a put" => [new() { Key = StoreRig.Text("a"), Expected = new Expectation { Absent = true } }],
        "end of a put" => [new() { Key = StoreRig.Text("a"), EndKey = StoreRig.Text("b") }],
        "number of a put" => [new() { Key = StoreRig.Text("a"), Number = 1 }],
        "value of a delete" =>
            [new() { Kind = MutationKind.Delete, Key = StoreRig.Text("a"), Value = StoreRig.Text("b") }],
        "value of a sequence" =>
            [new() { Kind = MutationKind.Sequence, Key = StoreRig.Text("a"), Value = StoreRig.Text("b") }],
        "start behind end" => [Range("b", "a")],
        "start at end" => [Range("b", "b")],
        "long bound" => [Range("a", "b23456789")],
        "step below 0" => [Sequence(-1)],
        "reset below 0" =>
            [new() { Kind = MutationKind.SequenceReset, Key = StoreRig.Text("a"), Number = long.MinValue }],
        "unknown kind" => [new() { Kind = (MutationKind)99, Key = StoreRig.Text("a") }],
        "negative kind" => [new() { Kind = (MutationKind)(-1), Key = StoreRig.Text("a") }],
        "no mutation" => [],
        "too many mutations" => [.. Enumerable.Repeat(Put("a", ""), 6)],
        "too many bytes" => [.. Enumerable.Repeat(Put("a", "12345678901234"), 3)],
        "index out of reach" => [Put("a", "")],
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    private static ByteString Long() => StoreRig.Text("12345678901234567");

    private static Mutation Put(string key, string value) => new()
    {
        Key = StoreRig.Text(key), Value = StoreRig.Text(value),
    };

    private static Mutation Compare(string key, Expectation? expected, string value) => new()
    {
        Kind = MutationKind.CompareAndPut, Key = StoreRig.Text(key), Expected = expected, Value = StoreRig.Text(value),
    };

    private static Mutation CompareDelete(Expectation? expected) =>
        new() { Kind = MutationKind.CompareAndDelete, Key = StoreRig.Text("a"), Expected = expected };

    private static Mutation Range(string start, string end) =>
        new() { Kind = MutationKind.DeleteRange, Key = StoreRig.Text(start), EndKey = StoreRig.Text(end) };

    private static Mutation Sequence(long step) =>
        new() { Kind = MutationKind.Sequence, Key = StoreRig.Text("a"), Number = step };

    private static GetResult Exists(StoreRig rig, string key, ReadMode mode) => rig.Ask(new Request
    {
        Get = new GetCommand { Key = StoreRig.Text(key), Mode = mode, ExistsOnly = true },
    }).Get;

    private static Request MultiGet(ReadMode mode, params string[] keys)
    {
        var request = new Request { MultiGet = new MultiGetRequest { Mode = mode } };
        request.MultiGet.Keys.AddRange(keys.Select(StoreRig.Text));
        return request;
    }
}
