using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.DurableTask.Client;

namespace JobProgress;

public sealed record JobState(string Status, Progress? Progress);

/// <summary>The custom status of an orchestration as a feed with an end. The id is the step, and <see cref="End"/> for the last event.</summary>
public static class JobFeed
{
    public const string End = "end";

    public static async IAsyncEnumerable<SseItem<JobState>> ReadAsync(
        DurableTaskClient jobs,
        string id,
        TimeProvider time,
        string? lastEventId,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int last = int.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        do
        {
            OrchestrationMetadata? job = await jobs.GetInstanceAsync(id, getInputsAndOutputs: true, cancellationToken);
            var state = new JobState(job?.RuntimeStatus.ToString() ?? "Unknown", job?.ReadCustomStatusAs<Progress>());
            if (job is null or { IsCompleted: true })
            {
                yield return new SseItem<JobState>(state, "end") { EventId = End };
                yield break;
            }

            if (state.Progress?.Done > last)
            {
                last = state.Progress.Done;
                yield return new SseItem<JobState>(state, "progress") { EventId = $"{last}" };
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }
}
