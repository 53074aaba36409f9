namespace Kv.Rpc.Wire;

/// <summary>How the messages of one direction of a call may be compressed.</summary>
internal enum MessageEncoding
{
    Identity,
    Gzip,
}

internal static class MessageEncodings
{
    public const string Gzip = "gzip";
    public const string Accepted = "identity,gzip";

    /// <summary>Null is an encoding this side does not know.</summary>
    public static MessageEncoding? Parse(string? header) => header switch
    {
        null or "" or "identity" => MessageEncoding.Identity,
        Gzip => MessageEncoding.Gzip,
        _ => null,
    };

    public static bool AcceptsGzip(string? header)
    {
        if (header is null)
        {
            return false;
        }

        foreach (Range part in header.AsSpan().Split(','))
        {
            if (header.AsSpan()[part].Trim(' ').SequenceEqual(Gzip))
            {
                return true;
            }
        }

        return false;
    }
}
