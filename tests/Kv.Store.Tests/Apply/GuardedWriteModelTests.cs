using Kv.Base;
using Kv.Engine;
using Kv.Engine.Memory;
using Kv.Protocol.V1;
using Kv.Store.Apply;
using Kv.Testing.Files;
using static Kv.Store.Tests.Apply.ApplyRig;

namespace Kv.Store.Tests.Apply;

/// <summary>
/// Random writes of all kinds, with retries, on three peers of one region that cut their batches differently and forget
/// their outcomes at different times: every answer as a plain map gives it, and the same bytes in every engine.
/// </summary>
public sealed class GuardedWriteModelTests
{
    private readonly SortedDictionary<string, (string Value, ulong Revision)> _data = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _sequences = [];
    private ulong _revision;

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    [InlineData(4UL)]
    [InlineData(5UL)]
    public void RandomWrites_AnswerAsAPlainMap_AndLeaveTheSameBytesOnEveryPeer(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        string folder = Directory.CreateTempSubdirectory("kv-guarded-").FullName;
        try
        {
            using IEngine rocksDb = RocksDbGuardedWriteTests.Open(folder);
            using var one = new ApplyRig(rocksDb);
            using var two = new ApplyRig(MemoryEngine.Open(new MemoryEngineDisk(new MemoryFileSystem())));
            using var three = new ApplyRig(MemoryEngine.Open(new MemoryEngineDisk(new MemoryFileSystem())));
            var done = new List<(byte[] Command, WriteResult Answer)>();
            for (int entry = 0; entry < 150; entry++)
            {
                var commands = new List<byte[]>();
                var expected = new List<WriteResult>();
                for (int i = random.Next(5); i >= 0; i--)
                {
                    if (random.Chance(0.15) && done.Count > 0)
                    {
                        (byte[] command, WriteResult answer) = done[random.Next(done.Count)];
                        commands.Add(command);
                        expected.Add(answer);
                        continue;
                    }

                    Mutation[] mutations = new Mutation[1 + (random.Chance(0.4) ? random.Next(5) : 0)];
                    for (int j = 0; j < mutations.Length; j++)
                    {
                        mutations[j] = RandomMutation(random);
                    }

                    commands.Add(one.Command(mutations));
                    expected.Add(Execute(mutations));
                    done.Add((commands[^1], Remembered(expected[^1])));
                }

                foreach (ApplyRig rig in (ApplyRig[])[one, two, three])
                {
                    List<CommandResult> results = rig.ApplyOnly([.. commands]);
                    Assert.Equal(expected, results.ConvertAll(AnswerOf));
                }

                one.WriteBatch();
                if (random.Chance(0.1))
                {
                    two.WriteBatch();
                    two.Applier.Unload();
                }
            }

            two.WriteBatch();
            three.WriteBatch();
            Assert.Equal(one.Applier.State, two.Applier.State);
            Assert.Equal(one.Dump(), two.Dump());
            Assert.Equal(one.Dump(), three.Dump());
            Assert.Equal(_data.Select(row => $"{row.Value.Value} {row.Value.Revision}"), _data.Keys.Select(one.Read));
            Assert.Equal(_data.Count, one.Dump().Count(row => row.StartsWith("Data ", StringComparison.Ordinal)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string RandomKey(DeterministicRandom random) => $"{(char)('b' + random.Next(8))}{random.Next(3)}";

    private static WriteResult Remembered(WriteResult answer)
    {
        WriteResult kept = answer.Clone();
        if (RememberedResult.Of(answer) is [>= 0x80])
        {
            kept.Results.Clear();
            kept.ResultsDropped = true;
        }

        return kept;
    }

    private Mutation RandomMutation(DeterministicRandom random)
    {
        string key = RandomKey(random);
        string value = random.Chance(0.1) ? new string('v', 70) : $"{random.Next(3)}";
        if (!_data.TryGetValue(key, out (string Value, ulong Revision) held))
        {
            held = ("", 1);
        }

        Expectation expected = random.Next(4) switch
        {
            0 => Absent(),
            1 => Revision(random.Chance(0.7) ? held.Revision : held.Revision + 1),
            _ => Value(random.Chance(0.7) ? held.Value : value),
        };
        switch (random.Next(11))
        {
            case 0 or 1:
                return Put(key, value);
            case 2:
                return Delete(key);
            case 3:
                return PutIfAbsent(key, value);
            case 4 or 5:
                return CompareAndPut(key, expected, value);
            case 6:
                return CompareAndDelete(key, expected.HasAbsent ? Value(held.Value) : expected);
            case 7:
                return GetAndPut(key, value);
            case 8:
                string end = random.Chance(0.3) ? "n" : $"{key}{(char)('0' + random.Next(3))}";
                return DeleteRange(key, end);
            case 9:
                return SequenceReset(key, random.Chance(0.3) ? long.MaxValue - 3 : random.Next(3));
            default:
                return Sequence(key, random.Next(4));
        }
    }

    /// <summary>What a write does, told in the plainest way there is.</summary>
    private WriteResult Execute(Mutation[] mutations)
    {
        var answer = new WriteResult { Revision = ++_revision };
        var data = new SortedDictionary<string, (string Value, ulong Revision)>(_data, StringComparer.Ordinal);
        var sequences = new Dictionary<string, long>(_sequences);
        for (int i = 0; i < mutations.Length; i++)
        {
            Mutation mutation = mutations[i];
            string key = mutation.Key.ToStringUtf8();
            bool found = data.TryGetValue(key, out (string Value, ulong Revision) held);
            var told = new MutationResult { Index = (uint)i, Found = found, Revision = held.Revision };
            told.Value = Google.Protobuf.ByteString.CopyFromUtf8(held.Value ?? "");
            string value = mutation.Value.ToStringUtf8();
            bool holds = mutation.Kind == MutationKind.PutIfAbsent ? !found : mutation.Expected?.KindCase switch
            {
                Expectation.KindOneofCase.Absent => !found,
                Expectation.KindOneofCase.Value => found && held.Value == mutation.Expected.Value.ToStringUtf8(),
                Expectation.KindOneofCase.Revision => found && held.Revision == mutation.Expected.Revision,
                _ => true,
            };
            switch (mutation.Kind)
            {
                case MutationKind.Delete or MutationKind.CompareAndDelete when holds:
                    data.Remove(key);
                    break;
                case MutationKind.DeleteRange:
                    string end = mutation.EndKey.ToStringUtf8();
                    foreach (string one in data.Keys.ToArray())
                    {
                        if (string.CompareOrdinal(one, key) >= 0 && string.CompareOrdinal(one, end) < 0)
                        {
                            data.Remove(one);
                        }
                    }

                    break;
                case MutationKind.Sequence or MutationKind.SequenceReset:
                    ExecuteSequence(mutation, key, sequences, answer, (uint)i);
                    break;
                default:
                    if (holds)
                    {
                        data[key] = (value, answer.Revision);
                    }

                    break;
            }

            if (!holds)
            {
                told.Failed = true;
                answer.Outcome = WriteOutcome.ConditionFailed;
            }

            if (!holds || mutation.Kind == MutationKind.GetAndPut)
            {
                answer.Results.Add(told);
            }
        }

        if (answer.Outcome != WriteOutcome.Applied)
        {
            MutationResult[] failures = answer.Results.Where(told => told.Failed).ToArray();
            answer.Results.Clear();
            answer.Results.AddRange(failures);
            return answer;
        }

        Replace(_data, data);
        Replace(_sequences, sequences);
        return answer;
    }

    private static void ExecuteSequence(
        Mutation mutation, string key, Dictionary<string, long> sequences, WriteResult answer, uint index)
    {
        long next = sequences.GetValueOrDefault(key);
        bool fits = mutation.Kind == MutationKind.SequenceReset
            || (System.Numerics.BigInteger)next + mutation.Number <= long.MaxValue;
        answer.Results.Add(new MutationResult { Index = index, Start = next, Failed = !fits });
        if (!fits && answer.Outcome == WriteOutcome.Applied)
        {
            answer.Outcome = WriteOutcome.SequenceExhausted;
        }
        else if (fits)
        {
            sequences[key] = mutation.Kind == MutationKind.SequenceReset ? mutation.Number : next + mutation.Number;
        }
    }

    private static void Replace<TKey, TValue>(IDictionary<TKey, TValue> target, IDictionary<TKey, TValue> source)
    {
        target.Clear();
        foreach ((TKey key, TValue value) in source)
        {
            target[key] = value;
        }
    }
}
