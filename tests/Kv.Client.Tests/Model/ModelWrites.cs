using Google.Protobuf;
using Kv.Protocol.V1;

namespace Kv.Client.Tests.Model;

/// <summary>What a write does to a map of keys and one of sequences, in the plainest way there is.</summary>
internal static class ModelWrites
{
    /// <summary>
    /// Executes the write: all of it or nothing. Of a range only keys that <paramref name="mayDelete"/> lets go are
    /// deleted, so that a test can keep others.
    /// </summary>
    public static WriteResult Execute(
        WriteCommand write,
        ulong revision,
        SortedDictionary<string, (string Value, ulong Revision)> data,
        Dictionary<string, long> sequences,
        Func<string, bool> mayDelete)
    {
        var result = new WriteResult { Revision = revision };

        // What cannot fail needs no copy to fall back on.
        bool isPlain = write.Mutations.All(one => one.Kind is MutationKind.Put or MutationKind.Delete);
        SortedDictionary<string, (string Value, ulong Revision)> newData =
            isPlain ? data : new(data, StringComparer.Ordinal);
        var newSequences = isPlain ? sequences : new Dictionary<string, long>(sequences);
        for (int i = 0; i < write.Mutations.Count; i++)
        {
            Mutation mutation = write.Mutations[i];
            string key = mutation.Key.ToStringUtf8();
            bool found = newData.TryGetValue(key, out (string Value, ulong Revision) held);
            var told = new MutationResult
            {
                Index = write.FirstIndex + (uint)i,
                Found = found,
                Value = ByteString.CopyFromUtf8(held.Value ?? ""),
                Revision = held.Revision,
            };
            if (Holds(mutation, found, held))
            {
                Change(mutation, told, newData, newSequences, result, mayDelete);
            }
            else
            {
                told.Failed = true;
                result.Outcome = WriteOutcome.ConditionFailed;
                result.Results.Add(told);
            }
        }

        if (isPlain)
        {
            return result;
        }

        if (result.Outcome == WriteOutcome.Applied)
        {
            Replace(data, newData);
            Replace(sequences, newSequences);
        }
        else
        {
            MutationResult[] failures = [.. result.Results.Where(told => told.Failed)];
            result.Results.Clear();
            result.Results.AddRange(failures);
        }

        return result;
    }

    /// <summary>What a mutation does whose condition holds.</summary>
    private static void Change(
        Mutation mutation,
        MutationResult told,
        SortedDictionary<string, (string Value, ulong Revision)> data,
        Dictionary<string, long> sequences,
        WriteResult result,
        Func<string, bool> mayDelete)
    {
        string key = mutation.Key.ToStringUtf8();
        switch (mutation.Kind)
        {
            case MutationKind.Delete or MutationKind.CompareAndDelete:
                data.Remove(key);
                break;
            case MutationKind.DeleteRange:
                string end = mutation.EndKey.ToStringUtf8();
                foreach (string one in data.Keys.Where(one => IsIn(one, key, end) && mayDelete(one)).ToArray())
                {
                    data.Remove(one);
                }

                break;
            case MutationKind.Sequence or MutationKind.SequenceReset:
                Advance(mutation, told.Index, sequences, result);
                break;
            default:
                data[key] = (mutation.Value.ToStringUtf8(), result.Revision);
                if (mutation.Kind == MutationKind.GetAndPut)
                {
                    result.Results.Add(told);
                }

                break;
        }
    }

    public static bool IsIn(string key, string start, string end) =>
        string.CompareOrdinal(key, start) >= 0 && (end.Length == 0 || string.CompareOrdinal(key, end) < 0);

    private static bool Holds(Mutation mutation, bool found, (string Value, ulong Revision) held) =>
        mutation.Kind == MutationKind.PutIfAbsent ? !found : mutation.Expected?.KindCase switch
        {
            Expectation.KindOneofCase.Absent => !found,
            Expectation.KindOneofCase.Value => found && held.Value == mutation.Expected.Value.ToStringUtf8(),
            Expectation.KindOneofCase.Revision => found && held.Revision == mutation.Expected.Revision,
            _ => true,
        };

    private static void Advance(
        Mutation mutation, uint index, Dictionary<string, long> sequences, WriteResult result)
    {
        string key = mutation.Key.ToStringUtf8();
        long next = sequences.GetValueOrDefault(key);
        bool resets = mutation.Kind == MutationKind.SequenceReset;
        bool fits = resets || mutation.Number <= long.MaxValue - next;
        result.Results.Add(new MutationResult { Index = index, Start = next, Failed = !fits });
        if (fits)
        {
            sequences[key] = resets ? mutation.Number : next + mutation.Number;
        }
        else
        {
            result.Outcome = WriteOutcome.SequenceExhausted;
        }
    }

    private static void Replace<TValue>(IDictionary<string, TValue> target, IDictionary<string, TValue> source)
    {
        target.Clear();
        foreach ((string key, TValue value) in source)
        {
            target[key] = value;
        }
    }
}
