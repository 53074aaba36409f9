using System.Globalization;
using Kv.Rpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kv.Rpc.Server;

/// <summary>How a call's status gets onto the wire: in trailers, or alone in the headers when nothing was sent
/// yet.</summary>
internal static class StatusAnswer
{
    private static readonly string[] CodeTexts =
        [.. Enumerable.Range(0, 17).Select(code => code.ToString(CultureInfo.InvariantCulture))];

    public static void TrailersOnly(HttpContext http, StatusCode code, string detail)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentType = GrpcHeaders.ContentType;
        headers.GrpcStatus = CodeTexts[(int)code];
        headers.GrpcMessage = StatusMessage.Encode(detail);
    }

    public static void End(GrpcCallContext context, StatusCode code, string detail, Metadata? errorTrailers = null)
    {
        HttpContext http = context.Http;
        IHeaderDictionary target;
        if (context.HasResponseStarted)
        {
            target = http.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
        }
        else
        {
            context.PrepareHeaders();
            target = http.Response.Headers;
        }

        target.GrpcStatus = CodeTexts[(int)code];
        if (detail.Length > 0)
        {
            target.GrpcMessage = StatusMessage.Encode(detail);
        }

        HeaderCopy.ToResponse(context.TrailersOrNull, target);
        if (!ReferenceEquals(errorTrailers, context.TrailersOrNull))
        {
            HeaderCopy.ToResponse(errorTrailers, target);
        }
    }
}
