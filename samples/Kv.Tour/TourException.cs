namespace Kv.Tour;

/// <summary>The tour cannot go on; one line that says why.</summary>
internal sealed class TourException(string message) : Exception(message);
