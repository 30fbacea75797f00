using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace SseApp;

/// <summary>The stream of your feed, at <c>/clock</c>.</summary>
public sealed class ClockFunction(ClockFeed clock)
{
    [Function("Clock")]
    public IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "clock")] HttpRequest request,
        FunctionContext context) =>
        new SseStreamResult<string>(clock.ReadAsync, context.CancellationToken);
}
