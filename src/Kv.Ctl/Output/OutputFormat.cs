namespace Kv.Ctl.Output;

internal enum OutputFormat
{
    /// <summary>For people: headed, aligned columns.</summary>
    Table,

    /// <summary>For programs: one object, or one object per line for rows of data.</summary>
    Json,

    /// <summary>For shells: one row per line, columns parted by tabs, no headings, bare numbers.</summary>
    Plain,
}
