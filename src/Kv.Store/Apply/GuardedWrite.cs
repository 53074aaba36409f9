// Owns the decision on one write with conditions, values to hand back, ranges or sequences (Apply law): reads through
// the batch, then all of it takes effect or nothing. Everything here depends on state and command alone.
//
// Invariant: nothing goes into the batch before the last mutation was looked at.
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Store.Apply;

/// <summary>Executes such writes, one after the other.</summary>
internal sealed class GuardedWrite
{
    /// <summary>
    /// Most value bytes one answer holds beyond its first value, so that no answer passes 3 MiB (Wire law) and no
    /// client can fill the memory of a store (Apply law).
    /// </summary>
    public const int ValueBytesMax = 1024 * 1024;

    private readonly Overlay _staged = new();
    private readonly List<Effect> _effects = [];
    private ApplyBatch? _batch;
    private WriteResult _result = new();
    private long _valueBytes;

    /// <summary>Decisions since start, by kind of mutation and outcome. Read by metrics, any thread.</summary>
    public OperationCounts Counts { get; } = new();

    /// <summary>
    /// Executes what is left of <paramref name="command"/>, whose keys lie in the region. The answer is the whole truth
    /// about the write; its revision is set.
    /// </summary>
    public WriteResult Execute(scoped ref CommandReader command, ulong revision, ApplyBatch batch)
    {
        _batch = batch;
        _result = new WriteResult { Revision = revision };
        _valueBytes = 0;
        uint index = command.FirstIndex;
        while (command.TryRead(out CommandMutation mutation))
        {
            Counts.Count(mutation.Kind);
            Look(mutation, index++, revision);
        }

        if (_result.Outcome == WriteOutcome.Applied)
        {
            Commit(batch);
        }
        else
        {
            Counts.CountRefused();
            KeepFailures();
        }

        _staged.Clear();
        _effects.Clear();
        _batch = null;
        return _result;
    }

    private void Look(in CommandMutation mutation, uint index, ulong revision)
    {
        byte[] key = mutation.Key.ToArray();
        switch (mutation.Kind)
        {
            case MutationKind.Put:
                Put(key, mutation.Value, revision);
                break;
            case MutationKind.Delete:
                Stage(ColumnFamily.Data, key, value: null);
                break;
            case MutationKind.PutIfAbsent:
            case MutationKind.CompareAndPut:
                if (Holds(mutation, key, index))
                {
                    Put(key, mutation.Value, revision);
                }

                break;
            case MutationKind.CompareAndDelete:
                if (Holds(mutation, key, index))
                {
                    Stage(ColumnFamily.Data, key, value: null);
                }

                break;
            case MutationKind.GetAndPut:
                Tell(index, Read(ColumnFamily.Data, key));
                Put(key, mutation.Value, revision);
                break;
            case MutationKind.DeleteRange:
                byte[] end = mutation.End.ToArray();
                _staged.DeleteRange(ColumnFamily.Data, key, end);
                _effects.Add(new Effect(ColumnFamily.Data, key, Value: null, end));
                break;
            case MutationKind.Sequence:
                Advance(key, mutation.Number, index);
                break;
            case MutationKind.SequenceReset:
                _result.Results.Add(new MutationResult { Index = index, Start = StandOf(key) });
                Stage(ColumnFamily.Aux, key, mutation.Number == 0 ? null : AuxRecord.OfSequence(mutation.Number));
                break;
            default:
                throw Invariant.Unreachable(mutation.Kind);
        }
    }

    /// <summary>Whether the mutation's condition holds; if not, what was found is told.</summary>
    private bool Holds(in CommandMutation mutation, byte[] key, uint index)
    {
        byte[]? stored = Read(ColumnFamily.Data, key);
        ExpectationKind expected =
            mutation.Kind == MutationKind.PutIfAbsent ? ExpectationKind.Absent : mutation.Expected;
        ulong revision = 0;
        ReadOnlySpan<byte> value = stored is null ? default : StoredValue.Read(stored, out revision);
        bool holds = expected switch
        {
            ExpectationKind.Absent => stored is null,
            ExpectationKind.Value => stored is not null && value.SequenceEqual(mutation.ExpectedValue),
            ExpectationKind.Revision => stored is not null && revision == mutation.ExpectedRevision,
            ExpectationKind.None => throw Invariant.Unreachable(expected),
            _ => throw Invariant.Unreachable(expected),
        };
        if (!holds)
        {
            Tell(index, stored).Failed = true;
            _result.Outcome = WriteOutcome.ConditionFailed;
        }

        return holds;
    }

    private void Advance(byte[] key, long step, uint index)
    {
        long next = StandOf(key);
        var told = new MutationResult { Index = index, Start = next };
        _result.Results.Add(told);
        if (step > long.MaxValue - next)
        {
            told.Failed = true;
            if (_result.Outcome == WriteOutcome.Applied)
            {
                _result.Outcome = WriteOutcome.SequenceExhausted;
            }
        }
        else if (step > 0)
        {
            Stage(ColumnFamily.Aux, key, AuxRecord.OfSequence(next + step));
        }
    }

    private long StandOf(byte[] key) => AuxRecord.ReadSequence(Read(ColumnFamily.Aux, key));

    private MutationResult Tell(uint index, byte[]? stored)
    {
        var told = new MutationResult { Index = index, Found = stored is not null };
        if (stored is not null)
        {
            ReadOnlySpan<byte> value = StoredValue.Read(stored, out ulong revision);
            told.Revision = revision;
            told.ValueDropped = _valueBytes > 0 && _valueBytes + value.Length > ValueBytesMax;
            if (!told.ValueDropped)
            {
                told.Value = ByteString.CopyFrom(value);
                _valueBytes += value.Length;
            }
        }

        _result.Results.Add(told);
        return told;
    }

    private byte[]? Read(ColumnFamily family, byte[] key) =>
        _staged.TryFind(family, key, out byte[]? value) ? value : _batch!.Read(family, key);

    private void Put(byte[] key, ReadOnlySpan<byte> value, ulong revision)
    {
        byte[] stored = new byte[StoredValue.HeaderBytes + value.Length];
        StoredValue.Write(stored, revision, value);
        Stage(ColumnFamily.Data, key, stored);
    }

    private void Stage(ColumnFamily family, byte[] key, byte[]? value)
    {
        _staged.Set(family, key, value);
        _effects.Add(new Effect(family, key, value, End: null));
    }

    private void Commit(ApplyBatch batch)
    {
        foreach (Effect effect in _effects)
        {
            if (effect.End is not null)
            {
                batch.DeleteRange(effect.Family, effect.Key, effect.End);
            }
            else if (effect.Value is not null)
            {
                batch.Put(effect.Family, effect.Key, effect.Value);
            }
            else
            {
                batch.Delete(effect.Family, effect.Key);
            }
        }
    }

    /// <summary>Of a write that took no effect, what its other mutations saw means nothing.</summary>
    private void KeepFailures()
    {
        MutationResult[] all = [.. _result.Results];
        _result.Results.Clear();
        foreach (MutationResult told in all)
        {
            if (told.Failed)
            {
                _result.Results.Add(told);
            }
        }
    }

    private readonly record struct Effect(ColumnFamily Family, byte[] Key, byte[]? Value, byte[]? End);
}
