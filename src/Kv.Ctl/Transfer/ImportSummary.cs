namespace Kv.Ctl.Transfer;

/// <summary>What an import did.</summary>
/// <param name="ImportedCount">Lines acknowledged in this run.</param>
/// <param name="ResumedLine">The line that an earlier run had come to; 0 = none.</param>
/// <param name="BadCount">Bad lines of the whole input, those of earlier runs included.</param>
internal sealed record ImportSummary(long ImportedCount, long ResumedLine, long BadCount);
