using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse;

/// <summary>The page that shows the stream, at <c>/</c>, and the module that it imports.</summary>
public static class PageFunction
{
    // A template that matches the empty path alone: "/" would break every route of the app.
    [Function("Page")]
    public static IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "{ignored:maxlength(0)?}")] HttpRequest request) =>
        new PageResult("static/index.html");

    [Function("Module")]
    public static IResult Module(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "funcsse.js")] HttpRequest request) =>
        new PageResult("static/funcsse.js");
}
