using System.Globalization;
using Kv.Base;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

/// <summary>
/// Random lives of a log against a model: batches, cuts, purges, power cuts, failed syncs, killed processes. KV_SEED
/// runs one seed; KV_SEEDS that many new ones.
/// </summary>
public class SharedLogRandomTests
{
    private static readonly string[] Errors = ["EIO", "ENOSPC", FaultInjectingFileSystem.ShortWrite];

    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = [];
        if (ulong.TryParse(Environment.GetEnvironmentVariable("KV_SEED"), CultureInfo.InvariantCulture, out ulong one))
        {
            seeds.Add(one);
            return seeds;
        }

        for (ulong seed = 1; seed <= 60; seed++)
        {
            seeds.Add(seed);
        }

        int.TryParse(Environment.GetEnvironmentVariable("KV_SEEDS"), CultureInfo.InvariantCulture, out int more);
        for (; more >= 0; more--)
        {
            seeds.Add((ulong)Random.Shared.NextInt64());
        }

        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Lives_CrashesAndFailures_LoseNothingAcknowledgedAndResurrectNothing(ulong seed) =>
        new Life(seed).Run(rounds: 25);

    [Fact]
    public void Lives_SameSeed_LeaveTheSameBytes()
    {
        Life first = new(4711);
        Life second = new(4711);
        first.Run(rounds: 10);
        second.Run(rounds: 10);

        Assert.Equal(first.Files.MutationCount, second.Files.MutationCount);
        Assert.Equal(first.Files.ListFiles(LogTools.Folder), second.Files.ListFiles(LogTools.Folder));
        foreach (string path in LogTools.SegmentPaths(first.Files))
        {
            Assert.Equal(first.Files.Peek(path), second.Files.Peek(path));
        }
    }

    private sealed class Life(ulong seed)
    {
        private readonly DeterministicRandom _random = new(seed);
        private LogModel _acknowledged = new();
        private LogModel? _inFlight;

        public MemoryFileSystem Files { get; } = new();

        public void Run(int rounds)
        {
            try
            {
                for (int round = 0; round < rounds; round++)
                {
                    RunRound();
                }

                Files.Faults.Disarm();
                Files.PowerCutAtMutation = null;
                using SharedLog log = OpenAndCheck();
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"seed {seed}: {exception.Message}", exception);
            }
        }

        private void RunRound()
        {
            ArmSomething();
            try
            {
                using SharedLog log = OpenAndCheck();
                int batches = _random.Next(60);
                for (int left = batches; left > 0; left--)
                {
                    Step(log);
                }
            }
            catch (PowerCutException)
            {
            }
            catch (StorageException)
            {
            }

            Files.Faults.Disarm();
            switch (_random.Next(3))
            {
                case 0:
                    Files.Crash(_random);
                    break;
                case 1:
                    Files.CrashToDurable();
                    break;
                default:
                    Files.KillProcess();
                    break;
            }
        }

        private void ArmSomething()
        {
            int choice = _random.Next(3);
            if (choice == 0)
            {
                Files.PowerCutAtMutation = Files.MutationCount + 1 + _random.Next(60);
            }
            else if (choice == 1)
            {
                string site = SyncSites.Log[_random.Next(SyncSites.Log.Count)];
                string error = Errors[_random.Next(Errors.Length)];
                Files.Faults.Arm(new SiteFault(site, error, After: _random.Next(30), Times: 1));
            }
        }

        private void Step(SharedLog log)
        {
            int choice = _random.Next(20);
            try
            {
                if (choice == 0)
                {
                    log.KeepAlive();
                }
                else if (choice < 4)
                {
                    log.Purge(_random.Next(64 * 1024));
                }
                else
                {
                    WriteBatch(log);
                }
            }
            catch (StorageException)
            {
                RequireDead(log);
                throw;
            }

            if (_random.Chance(0.05))
            {
                Assert.True(
                    _acknowledged.Describe() == LogTools.Describe(log),
                    $"seed {seed}: the open log differs from the model");
            }
        }

        private void WriteBatch(SharedLog log)
        {
            int payloadMax = _random.Chance(0.05) ? 9000 : 200;
            LogBatch batch = _acknowledged.RandomBatch(_random, groupCount: 6, payloadMax);
            _inFlight = _acknowledged.Copy();
            _inFlight.Apply(batch);
            log.Write(batch);
            _acknowledged = _inFlight;
            _inFlight = null;
        }

        private void RequireDead(SharedLog log)
        {
            long mutations = Files.MutationCount;
            Assert.Throws<StorageException>(log.KeepAlive);
            Assert.Throws<StorageException>(() => log.Write(LogTools.Batch(batch => batch.SetHardState(99, default))));
            Assert.Throws<StorageException>(() => log.Purge(0));
            Assert.True(mutations == Files.MutationCount, $"seed {seed}: a dead log wrote");
        }

        private SharedLog OpenAndCheck()
        {
            SharedLog log = LogTools.Open(Files);
            string found = LogTools.Describe(log);
            Assert.Empty(log.DamagedGroups);
            bool asAcknowledged = found == _acknowledged.Describe();
            bool withInFlight = !asAcknowledged && _inFlight is not null && found == _inFlight.Describe();
            Assert.True(
                asAcknowledged || withInFlight,
                $"seed {seed}: found\n{found}\nacknowledged\n{_acknowledged.Describe()}\n"
                + $"in flight\n{_inFlight?.Describe()}");
            _acknowledged = withInFlight ? _inFlight! : _acknowledged;
            _inFlight = null;
            return log;
        }
    }
}
