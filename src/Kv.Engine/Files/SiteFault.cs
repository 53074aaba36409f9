namespace Kv.Engine.Files;

/// <summary>One armed fault.</summary>
/// <param name="Site">A name of <see cref="SyncSites"/>, or <c>*</c> for every site.</param>
/// <param name="Error">The error's name, such as EIO or ENOSPC; <c>SHORT</c> writes half and then fails.</param>
/// <param name="After">Crossings that still succeed before the first failure.</param>
/// <param name="Times">Crossings that fail before the site works again.</param>
public sealed record SiteFault(string Site, string Error, long After, long Times);
