using FuncSse.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace JobProgress;

public sealed record Progress(string Job, int Done, int Of);

/// <summary>A job of some steps. It tells how far it is in two ways: as the custom status of its orchestration, and on a topic.</summary>
public sealed class JobFunctions(ITopicPublisher topics)
{
    private const int Steps = 10;

    [Function(nameof(StartJob))]
    public static async Task<IResult> StartJob(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "jobs")] HttpRequest request,
        [DurableClient] DurableTaskClient jobs,
        CancellationToken cancellationToken)
    {
        string id = await jobs.ScheduleNewOrchestrationInstanceAsync(nameof(Job), Steps, cancellationToken);
        return TypedResults.Accepted($"/jobs/{id}/events", new { id });
    }

    [Function(nameof(Job))]
    public static async Task Job([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        int steps = context.GetInput<int>();
        for (int step = 1; step <= steps; step++)
        {
            await context.CallActivityAsync(nameof(Work), step);
            var progress = new Progress(context.InstanceId, step, steps);
            context.SetCustomStatus(progress);

            // An orchestrator is replayed and so must not publish itself.
            await context.CallActivityAsync(nameof(Report), progress);
        }
    }

    /// <summary>Stands for the work of a step.</summary>
    [Function(nameof(Work))]
    public static Task Work([ActivityTrigger] int step, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);

    /// <summary>
    /// Publishes. If it is tried again the event comes twice. That does no harm, since the event says how far the job is.
    /// </summary>
    [Function(nameof(Report))]
    public Task Report([ActivityTrigger] Progress progress, CancellationToken cancellationToken) =>
        topics.PublishAsync($"jobs/{progress.Job}", progress, "progress", cancellationToken);
}
