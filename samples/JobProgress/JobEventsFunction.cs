using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace JobProgress;

/// <summary>The stream of one job. It ends with the job: a browser that comes back then is told to stop.</summary>
public sealed class JobEventsFunction(CoalescingTimeProvider time)
{
    [Function("JobEvents")]
    public IResult Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "jobs/{id}/events")] HttpRequest request,
        string id,
        [DurableClient] DurableTaskClient jobs,
        FunctionContext context) =>
        request.GetLastEventId() == JobFeed.End
            ? new SseStopResult()
            : new SseStreamResult<JobState>(
                (lastEventId, cancellationToken) => JobFeed.ReadAsync(jobs, id, time, lastEventId, cancellationToken),
                context.CancellationToken);
}
