// The randomized part of the suite: thousands of operations against a sorted dictionary, from a seed. KV_TEST_SEED adds
// a seed of one's own.
using Kv.Base;

namespace Kv.Engine.Tests.Engines;

public abstract partial class EngineConformance
{
    public static TheoryData<ulong> Seeds()
    {
        var seeds = new TheoryData<ulong> { 11, 12, 13, 14, 15, 16 };
        if (ulong.TryParse(Environment.GetEnvironmentVariable("KV_TEST_SEED"), out ulong own))
        {
            seeds.Add(own);
        }

        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void RandomOperations_AgainstAModel_AgreeAtEveryStep(ulong seed)
    {
        using EngineHarness h = NewHarness();
        var run = new ModelRun(h, seed);
        for (int step = 0; step < 1500; step++)
        {
            run.Step(step);
        }

        run.CompareAll("at the end");
    }

    private sealed class ModelRun(EngineHarness h, ulong seed)
    {
        private readonly DeterministicRandom _random = new(seed);
        private readonly List<(IEngineSnapshot Snapshot, SortedDictionary<string, string>[] Model)> _snapshots = [];
        private readonly SortedDictionary<string, string>[] _model = [NewModel(), NewModel(), NewModel()];

        public void Step(int step)
        {
            switch (_random.Next(30))
            {
                case 0:
                    h.Engine.Flush();
                    break;
                case 1:
                    Ingest();
                    break;
                case 2:
                    _snapshots.Add((h.Engine.Snapshot(), Copy()));
                    break;
                case 3 when _snapshots.Count > 0:
                    CheckSnapshot();
                    break;
                case 4 when _random.Chance(0.2):
                    Restart();
                    break;
                case < 20:
                    WriteBatch();
                    break;
                default:
                    CheckWalk(h.Engine, _model, $"step {step}");
                    break;
            }
        }

        public void CompareAll(string when)
        {
            for (int family = 0; family < 3; family++)
            {
                string[] expected = [.. _model[family].Select(e => $"{e.Key}={e.Value}")];
                Assert.True(
                    expected.SequenceEqual(h.Engine.Walk(family: (ColumnFamily)family)), $"seed {seed}, {when}");
            }

            while (_snapshots.Count > 0)
            {
                CheckSnapshot();
            }
        }

        private static SortedDictionary<string, string> NewModel() => new(StringComparer.Ordinal);

        private SortedDictionary<string, string>[] Copy() =>
            [.. _model.Select(m => new SortedDictionary<string, string>(m, StringComparer.Ordinal))];

        // Short keys over four symbols: collisions, prefixes of each other, and both ends of the byte order.
        private string NextKey()
        {
            const string symbols = "\0ab\xFF";
            return string.Create(_random.Next(6), _random, (span, random) =>
            {
                for (int i = 0; i < span.Length; i++)
                {
                    span[i] = symbols[random.Next(symbols.Length)];
                }
            });
        }

        private (string Start, string End)? NextRange()
        {
            string a = NextKey();
            string b = NextKey();
            return string.CompareOrdinal(a, b) switch
            {
                0 => null,
                < 0 => (a, b),
                _ => (b, a),
            };
        }

        private void WriteBatch()
        {
            h.Write(batch =>
            {
                int count = 1 + _random.Next(8);
                for (int i = 0; i < count; i++)
                {
                    int family = _random.Next(3);
                    string key = NextKey();
                    switch (_random.Next(10))
                    {
                        case 0 when NextRange() is { } range:
                            batch.DeleteRange((ColumnFamily)family, Bytes.Of(range.Start), Bytes.Of(range.End));
                            RemoveRange(_model[family], range);
                            break;
                        case 1 or 2 or 3:
                            batch.Delete((ColumnFamily)family, Bytes.Of(key));
                            _model[family].Remove(key);
                            break;
                        default:
                            string value = _random.Chance(0.1) ? "" : $"v{_random.Next(1000)}";
                            batch.Put((ColumnFamily)family, Bytes.Of(key), Bytes.Of(value));
                            _model[family][key] = value;
                            break;
                    }
                }
            }, sync: _random.Chance(0.05));
        }

        private static void RemoveRange(SortedDictionary<string, string> model, (string Start, string End) range)
        {
            foreach (string key in model.Keys.Where(k => InRange(k, range)).ToList())
            {
                model.Remove(key);
            }
        }

        private static bool InRange(string key, (string Start, string End) range) =>
            string.CompareOrdinal(key, range.Start) >= 0 && string.CompareOrdinal(key, range.End) < 0;

        private void Ingest()
        {
            if (NextRange() is not { } range)
            {
                return;
            }

            int family = _random.Next(3);
            var keys = new SortedSet<string>(StringComparer.Ordinal);
            for (int i = _random.Next(6); i > 0; i--)
            {
                keys.Add(NextKey());
            }

            keys.RemoveWhere(k => !InRange(k, range));
            string path = WriteTable(h, table =>
            {
                table.DeleteRange(Bytes.Of(range.Start), Bytes.Of(range.End));
                foreach (string key in keys)
                {
                    table.Put(Bytes.Of(key), "ingested"u8);
                }
            });
            h.Engine.IngestTable((ColumnFamily)family, path);
            RemoveRange(_model[family], range);
            foreach (string key in keys)
            {
                _model[family][key] = "ingested";
            }
        }

        private void CheckSnapshot()
        {
            int index = _random.Next(_snapshots.Count);
            (IEngineSnapshot snapshot, SortedDictionary<string, string>[] model) = _snapshots[index];
            CheckWalk(snapshot, model, "a snapshot");
            _snapshots.RemoveAt(index);
            snapshot.Dispose();
        }

        private void Restart()
        {
            _snapshots.ForEach(s => s.Snapshot.Dispose());
            _snapshots.Clear();
            if (_random.Chance(0.5))
            {
                h.Restart();
            }
            else
            {
                h.Kill(_random.Fork());
            }
        }

        /// <summary>One random range, walked and sought from a random key both ways, and one point read.</summary>
        private void CheckWalk(IEngineReader reader, SortedDictionary<string, string>[] model, string where)
        {
            int family = _random.Next(3);
            (string Start, string End)? range = _random.Chance(0.3) ? null : NextRange();
            string[] keys = [.. model[family].Keys.Where(k => range is not { } r || InRange(k, r))];
            string at = NextKey();
            using IEngineIterator iterator = reader.Open(range?.Start ?? "", range?.End, (ColumnFamily)family);

            var rising = new List<string>();
            for (iterator.Seek(Bytes.Of(at)); iterator.Valid; iterator.Next())
            {
                rising.Add(Bytes.Text(iterator.Key));
                Assert.Equal(model[family][rising[^1]], Bytes.Text(iterator.Value));
            }

            var falling = new List<string>();
            for (iterator.SeekForPrev(Bytes.Of(at)); iterator.Valid; iterator.Prev())
            {
                falling.Add(Bytes.Text(iterator.Key));
            }

            string label = $"seed {seed}, {where}, family {family}, range {range}, at {at}";
            Assert.True(keys.Where(k => string.CompareOrdinal(k, at) >= 0).SequenceEqual(rising), label + ", rising");
            Assert.True(
                keys.Where(
                k => string.CompareOrdinal(k, at) <= 0).Reverse().SequenceEqual(falling), label + ", falling");
            byte[]? value = reader.Get((ColumnFamily)family, Bytes.Of(at));
            Assert.Equal(model[family].GetValueOrDefault(at), value is null ? null : Bytes.Text(value));
        }
    }
}
