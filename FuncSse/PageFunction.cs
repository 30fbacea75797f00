using FuncSse.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse;

/// <summary>The page that shows the stream, at <c>/</c>, and its module. HEAD is the health probe.</summary>
public sealed class PageFunction(StaticFiles files)
{
    // A template that matches the empty path alone: "/" would break every route of the app.
    [Function("Page")]
    public IResult Page(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "{ignored:maxlength(0)?}")] HttpRequest request) => files.Page;

    [Function("Module")]
    public IResult Module(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "funcsse.js")] HttpRequest request) => files.Module;
}
