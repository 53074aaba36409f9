namespace Kv.Ctl.Text;

/// <summary>Where a text form stands, which decides what may stay readable.</summary>
internal enum TextCarrier
{
    /// <summary>A line of a terminal, a table or the command line: only what prints visibly stays text.</summary>
    Line,

    /// <summary>
    /// A JSON string, which escapes line ends and the like by itself: all UTF-8 text but NUL stays text.
    /// </summary>
    Json,
}
