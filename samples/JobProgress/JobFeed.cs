using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.DurableTask.Client;

namespace JobProgress;

public sealed record JobState(string Status, Progress? Progress);

/// <summary>The custom status of an orchestration as a feed: the event <c>progress</c> for each step, and <c>end</c> when the job has ended.</summary>
public static class JobFeed
{
    public static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        DurableTaskClient jobs, string id, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int last = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        do
        {
            OrchestrationMetadata? job = await jobs.GetInstanceAsync(id, getInputsAndOutputs: true, cancellationToken);
            var state = new JobState(job?.RuntimeStatus.ToString() ?? "Unknown", job?.ReadCustomStatusAs<Progress>());
            if (job is null or { IsCompleted: true })
            {
                yield return Event(state, "end");
                yield break;
            }

            if (state.Progress?.Done > last)
            {
                last = state.Progress.Done;
                yield return Event(state, "progress");
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>The last event of a stream that ended before its job did, as in a deployment. The page goes on with the topic of the job.</summary>
    public static IEnumerable<SseItem<string>> Close(RecordedStreamEnd end) => [new SseItem<string>(end.ToString(), "interrupted")];

    private static SseItem<string> Event(JobState state, string type) => new(JsonSerializer.Serialize(state, JsonSerializerOptions.Web), type);
}
