using FuncSse.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse;

/// <summary>The stream, at <c>/events</c>. Replace the counter by your own feed here.</summary>
public sealed class EventsFunction(CounterFeed counter)
{
    [Function("Events")]
    public IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "events")] HttpRequest request,
        FunctionContext context) =>
        counter.Stream(request, context.CancellationToken);
}
