using Kv.Engine.Files;

namespace Kv.Cluster.Tests.Faults;

/// <summary>One place of the code that fails in one life of a store.</summary>
/// <param name="Site">Where.</param>
/// <param name="Error">How.</param>
/// <param name="After">Crossings that still succeed: what a start takes, and a little more.</param>
/// <param name="AtStart">Crossed only before the store serves: it must refuse to start.</param>
internal sealed record FaultCase(string Site, string Error, int After, bool AtStart)
{
    public static IReadOnlyList<string> Errors { get; } = ["EIO", "ENOSPC"];

    /// <summary>The sites where a failure costs acknowledgements: these meet every error in every run.</summary>
    public static IReadOnlyList<string> Important { get; } =
    [
        SyncSites.LogSegmentWrite, SyncSites.LogSegmentSync, SyncSites.LogSegmentAllocate, SyncSites.LogFolderSync,
    ];

    /// <summary>Crossed only by a store whose folder is new.</summary>
    public const string OnlyInNewFolder = SyncSites.FolderMark;

    /// <summary>The text that arms it.</summary>
    public string Armed => $"site={Site},error={Error},after={After}";

    public override string ToString() => $"{Site} {Error}";

    /// <summary>
    /// Every site of the code with every error; unless <paramref name="whole"/>, the less important ones with one each.
    /// </summary>
    public static IEnumerable<FaultCase> All(bool whole)
    {
        int number = 0;
        foreach (string site in SyncSites.All)
        {
            (int after, bool atStart) = Place(site);
            number++;
            foreach (string error in Errors)
            {
                if (whole || Important.Contains(site) || error == Errors[number % Errors.Count])
                {
                    yield return new FaultCase(site, error, after, atStart);
                }
            }
        }
    }

    private static (int After, bool AtStart) Place(string site) => site switch
    {
        // A start writes one segment's head and gives one old segment up; the next ones are rotation and purge.
        SyncSites.LogHeaderWrite or SyncSites.LogHeaderSync or SyncSites.LogSegmentAllocate
            or SyncSites.LogFolderSync => (2, false),
        SyncSites.LogSegmentWrite or SyncSites.LogSegmentSync => (12, false),
        SyncSites.LogPurgeFolderSync => (1, false),
        SyncSites.FileCreate or SyncSites.FileRename => (3, false),
        SyncSites.FileDelete => (1, false),
        SyncSites.FileOpen or SyncSites.FileRead or SyncSites.FolderList or SyncSites.FolderCreate
            or SyncSites.FolderLock or SyncSites.FolderMark => (0, true),
        _ => throw new InvalidOperationException($"site {site} is new: say here when a store crosses it"),
    };
}
