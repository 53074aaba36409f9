using System.Globalization;

namespace Kv.Tour;

/// <param name="Keep">Whether the cluster is left running at the end.</param>
/// <param name="Folder">Where the stores keep their data.</param>
/// <param name="IsOwnFolder">Whether the tour made the folder's name up, and removes it when all went well.</param>
internal sealed record TourOptions(bool Keep, string Folder, bool IsOwnFolder)
{
    public static bool TryParse(string[] args, out TourOptions options, out string error)
    {
        bool keep = false;
        string? folder = null;
        error = "";
        for (int i = 0; i < args.Length && error.Length == 0; i++)
        {
            switch (args[i])
            {
                case "--keep":
                    keep = true;
                    break;
                case "--data" when i + 1 < args.Length:
                    folder = args[++i];
                    break;
                default:
                    error = $"unknown argument '{args[i]}'";
                    break;
            }
        }

        string name = DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)
            + "-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        options = new TourOptions(keep, Path.GetFullPath(folder ?? Path.Combine("artifacts", "tour", name)),
            folder is null);
        return error.Length == 0;
    }
}
