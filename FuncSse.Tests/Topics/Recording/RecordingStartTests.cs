using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Topics;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuncSse.Tests.Topics;

/// <summary>Two starts of a name, one of which does not learn that the log has it.</summary>
public sealed class RecordingStartTests
{
    [Fact]
    public async Task Start_that_landed_without_an_answer_gives_way_to_the_one_before_it()
    {
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        TopicOptions options = RecordingLog.OptionsOf(new TopicOptions());
        var memory = new MemoryEventLog(options, TimeProvider.System);
        var events = new FaultyLog(new InstanceLog(memory));
        await using var node = new TopicNode(memory);
        await using var one = new RecordingLog(events, options, node.Metrics, TimeProvider.System);
        await using var two = new RecordingLog(new InstanceLog(memory), options, node.Metrics, TimeProvider.System);
        var metrics = new RecordingMetrics(node.Meters, TimeProvider.System, NullLogger<RecordingMetrics>.Instance);
        var late = new RecordingProducer("x", Endless, new RecordedStreamOptions(), one, metrics, TimeProvider.System);
        var first = new RecordingProducer("x", Endless, new RecordedStreamOptions(), two, metrics, TimeProvider.System);
        var appends = new TaskCompletionSource();
        var lands = new TaskCompletionSource();
        events.OnAppend = async (append, _) =>
        {
            events.OnAppend = (_, _) => throw new EventLogUnavailableException();
            appends.SetResult();
            await lands.Task;
            await append();
            throw new EventLogUnavailableException();
        };
        Task<RecordedStreamEnd> lateRun = late.RunAsync();
        await appends.Task.WaitAsync(TopicNode.Limit, cancelled);
        Task<RecordedStreamEnd> firstRun = first.RunAsync();
        await Eventually.TrueAsync(async () => await two.FindAsync("x") is not null);
        lands.SetResult();
        await Task.Delay(EventLogWriter.PublishTimeout + TimeSpan.FromSeconds(1), cancelled);
        events.OnAppend = (append, _) => append();
        await Eventually.TrueAsync(() => late.IsSuperseded);
        Assert.False(first.IsSuperseded);
        first.Stop(RecordedStreamEnd.Stopped);
        await Task.WhenAll(firstRun, lateRun).WaitAsync(TopicNode.Limit, cancelled);
    }

    private static async IAsyncEnumerable<SseItem<string>> Endless(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(50, cancellationToken);
            yield return new SseItem<string>("word");
        }
    }
}
