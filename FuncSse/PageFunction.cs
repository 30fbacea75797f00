using FuncSse.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse;

/// <summary>The page that shows the stream, at <c>/</c>. HEAD is the health probe.</summary>
public sealed class PageFunction(PageResult page)
{
    // A template that matches the empty path alone: "/" would break every route of the app.
    [Function("Page")]
    public IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "{ignored:maxlength(0)?}")] HttpRequest request) => page;
}
