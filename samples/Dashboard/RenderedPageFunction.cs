using System.Text.Encodings.Web;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Dashboard;

/// <summary>The same page at <c>/rendered</c>, with the values in its HTML. Its script goes on from their position.</summary>
public static class RenderedPageFunction
{
    [Function("RenderedPage")]
    public static async Task<IResult> Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "rendered")] HttpRequest request)
    {
        CancellationToken cancellationToken = request.HttpContext.RequestAborted;
        string page = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "static", "dashboard.html"), cancellationToken);
        // Without the values it is the page as it was, which loads them itself.
        if (await ReadAsync(request) is { } state)
        {
            page = page.Replace("data-position=\"\"", $"data-position=\"{state.Position}\"", StringComparison.Ordinal);
            foreach ((string topic, string data) in state.Values)
            {
                page = page.Replace($"id=\"{topic}\">", $"id=\"{topic}\">{HtmlEncoder.Default.Encode(data)}", StringComparison.Ordinal);
            }
        }

        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Text(page, "text/html; charset=utf-8");
    }

    // The answer to GET /topics/sensors/*?values=true, without a request over the network.
    private static async Task<State?> ReadAsync(HttpRequest request)
    {
        using var body = new MemoryStream();
        var http = new DefaultHttpContext { RequestServices = request.HttpContext.RequestServices, RequestAborted = request.HttpContext.RequestAborted };
        http.Request.Method = HttpMethods.Get;
        http.Response.Body = body;
        await new TopicStreamResult("sensors/*") { Values = true }.ExecuteAsync(http);
        return http.Response.StatusCode == StatusCodes.Status200OK ? JsonSerializer.Deserialize<State>(body.ToArray(), JsonSerializerOptions.Web) : null;
    }

    private sealed record State(string Position, Value[] Values);

    private sealed record Value(string Topic, string Data);
}
