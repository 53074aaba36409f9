// Owns which sites fail and when. It is armed only by an explicit option of the process; an empty plan costs one
// dictionary increment per crossing and is used nowhere in production.
using System.Globalization;

namespace Kv.Engine.Files;

/// <summary>
/// Counts the crossings of every site and decides which of them fail. Text form, faults separated by semicolons:
/// <c>site=log.segment.sync,error=EIO,after=3,times=1;site=...</c>. <c>after</c> defaults to 0 (the first crossing
/// fails),
/// <c>times</c> to every crossing from then on. Any thread may call it.
/// </summary>
public sealed class FaultPlan
{
    private readonly Lock _lock = new();
    private readonly List<SiteFault> _faults = [];
    private readonly Dictionary<string, long> _crossings = new(StringComparer.Ordinal);
    private readonly Dictionary<SiteFault, long> _seen = [];
    private long _lateCallCount;

    /// <summary>Parses the text form. Throws <see cref="FormatException"/> naming the part that is wrong.</summary>
    public static FaultPlan Parse(string text)
    {
        FaultPlan plan = new();
        foreach (string part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            plan.Arm(ParseFault(part));
        }

        return plan;
    }

    public void Arm(SiteFault fault)
    {
        lock (_lock)
        {
            _faults.Add(fault);
        }
    }

    /// <summary>Forgets all faults and keeps the counts.</summary>
    public void Disarm()
    {
        lock (_lock)
        {
            _faults.Clear();
            _seen.Clear();
        }
    }

    /// <summary>How often each site was crossed, failures included; a copy in ordinal order.</summary>
    public IReadOnlyDictionary<string, long> Crossings()
    {
        lock (_lock)
        {
            return new SortedDictionary<string, long>(_crossings, StringComparer.Ordinal);
        }
    }

    /// <summary>
    /// Writes, allocations, truncations and syncs that were tried on a file after it had failed. Each was refused; the
    /// Sync law says that none may be tried at all.
    /// </summary>
    public long LateCallCount => Interlocked.Read(ref _lateCallCount);

    public void NoteLateCall() => Interlocked.Increment(ref _lateCallCount);

    /// <summary>Every site crossed with its count, and the calls that came too late, in one line.</summary>
    public string Describe() =>
        string.Join(", ", Crossings().Select(static site => string.Create(
            CultureInfo.InvariantCulture, $"{site.Key}={site.Value}")))
        + string.Create(CultureInfo.InvariantCulture, $"; calls to files given up: {LateCallCount}");

    /// <summary>Counts one crossing; the error's name when it must fail, else null.</summary>
    public string? Cross(string site)
    {
        lock (_lock)
        {
            _crossings[site] = _crossings.GetValueOrDefault(site) + 1;
            string? error = null;
            foreach (SiteFault fault in _faults)
            {
                if (fault.Site != "*" && !string.Equals(fault.Site, site, StringComparison.Ordinal))
                {
                    continue;
                }

                long seen = _seen.GetValueOrDefault(fault);
                _seen[fault] = seen + 1;
                if (seen >= fault.After && seen - fault.After < fault.Times)
                {
                    error ??= fault.Error;
                }
            }

            return error;
        }
    }

    private static SiteFault ParseFault(string part)
    {
        string? site = null;
        string? error = null;
        long after = 0;
        long times = long.MaxValue;
        foreach (string field in part.Split(',', StringSplitOptions.TrimEntries))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? field : field[..equals];
            string value = equals < 0 ? "" : field[(equals + 1)..];
            switch (name)
            {
                case "site":
                    site = value;
                    break;
                case "error":
                    error = value;
                    break;
                case "after":
                    after = ParseCount(part, name, value);
                    break;
                case "times":
                    times = ParseCount(part, name, value);
                    break;
                default:
                    throw new FormatException($"fault \"{part}\": \"{name}\" is none of site, error, after, times");
            }
        }

        if (site is null || (site != "*" && !SyncSites.All.Contains(site)))
        {
            throw new FormatException($"fault \"{part}\": site must be * or one of {string.Join(", ", SyncSites.All)}");
        }

        return string.IsNullOrEmpty(error)
            ? throw new FormatException($"fault \"{part}\": error is missing, such as error=EIO")
            : new SiteFault(site, error, after, times);
    }

    private static long ParseCount(string part, string name, string value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            ? count
            : throw new FormatException(
            $"fault \"{part}\": {name} must be a whole number of at least 0, not \"{value}\"");
}
