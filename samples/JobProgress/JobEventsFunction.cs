using FuncSse.Streaming;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace JobProgress;

/// <summary>
/// The stream of one job. It is recorded: the first page that opens it starts it, all others follow it from the first step, and everyone is told the end,
/// also whoever comes after it.
/// </summary>
public sealed class JobEventsFunction(CoalescingTimeProvider time)
{
    private static readonly RecordedStreamOptions s_options = new() { Closing = JobFeed.Close };

    [Function("JobEvents")]
    public async Task<IResult> Run(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "jobs/{id}/events")] HttpRequest request,
        string id,
        [DurableClient] DurableTaskClient jobs,
        FunctionContext context)
    {
        // A job that does not exist has no stream, and is answered with 204.
        SseFeed<string>? feed = await jobs.GetInstanceAsync(id, context.CancellationToken) is null
            ? null
            : (_, cancellationToken) => JobFeed.ReadAsync(jobs, id, time, cancellationToken);
        return new RecordedStreamResult($"jobs/{id}", feed, context.CancellationToken, s_options);
    }
}
