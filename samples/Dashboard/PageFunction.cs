using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Azure.Functions.Worker;

namespace Dashboard;

/// <summary>The page, at <c>/</c>, and the browser module.</summary>
public static class PageFunction
{
    // A template that matches the empty path alone: "/" would break every route of the app.
    [Function("Page")]
    public static IResult Page(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "{ignored:maxlength(0)?}")] HttpRequest request) =>
        File("dashboard.html", "text/html; charset=utf-8");

    [Function("Module")]
    public static IResult Module([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "funcsse.js")] HttpRequest request) =>
        File("funcsse.js", "text/javascript; charset=utf-8");

    private static PhysicalFileHttpResult File(string name, string type) =>
        TypedResults.PhysicalFile(Path.Combine(AppContext.BaseDirectory, "static", name), type);
}
