namespace Kv.Server;

/// <summary>How the process ends; documented in docs/operations.md.</summary>
public static class ExitCode
{
    /// <summary>Stopped because it was asked to.</summary>
    public const int Stopped = 0;

    /// <summary>A defect: a loop found its own state wrong, or failed in a way nobody foresaw.</summary>
    public const int Defect = 1;

    /// <summary>A setting is unknown or wrong.</summary>
    public const int Configuration = 2;

    /// <summary>The data folder is in use, cannot be written, is foreign, newer, damaged or lost.</summary>
    public const int DataFolder = 3;

    /// <summary>A port cannot be had, or a library is missing.</summary>
    public const int Environment = 4;

    /// <summary>The disk failed while running.</summary>
    public const int DiskFailed = 5;

    /// <summary>The cluster refused this store.</summary>
    public const int Refused = 6;
}
