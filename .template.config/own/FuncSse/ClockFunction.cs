using FuncSse.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse;

/// <summary>Your own stream, at <c>/clock</c>.</summary>
public static class ClockFunction
{
    private static readonly ClockFeed Clock = new(TimeProvider.System);

    [Function("Clock")]
    public static IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "clock")] HttpRequest request,
        FunctionContext context) =>
        Clock.Stream(context.CancellationToken);
}
