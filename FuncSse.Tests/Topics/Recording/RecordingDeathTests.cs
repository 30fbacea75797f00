using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>A producer that dies is told by a follower, on a clock of the test's own.</summary>
public sealed class RecordingDeathTests : IAsyncDisposable
{
    private const string Run = "abcdefghijkl";

    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryEventLog _memory;
    private readonly FaultyLog _events;
    private readonly TopicNode _node;
    private readonly RecordingLog _log;
    private readonly RecordedStreamOptions _options = new() { Closing = end => [new SseItem<string>($"{end}", "broken")] };

    public RecordingDeathTests()
    {
        TopicOptions options = RecordingLog.OptionsOf(new TopicOptions());
        _memory = new MemoryEventLog(options, TimeProvider.System);
        _events = new FaultyLog(_memory);
        _node = new TopicNode(_events, options);
        _log = new RecordingLog(_events, options, _node.Metrics, TimeProvider.System);
    }

    [Fact]
    public async Task Producer_that_says_nothing_for_15_seconds_is_dead_and_the_log_has_the_end()
    {
        RecordingFollower follower = await FollowAsync();
        await _log.AppendAsync("x", RecordingEntry.OfEvents(Run, 0, [new SseItem<string>("a")]), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => follower.Recording.Count == 1);
        await PassAsync(TimeSpan.FromSeconds(10));
        await _log.AppendAsync("x", RecordingEntry.OfLife(Run), TestContext.Current.CancellationToken);
        await PassAsync(TimeSpan.FromSeconds(10));
        Assert.Null(follower.Recording.End);
        await PassAsync(TimeSpan.FromSeconds(8));
        await Eventually.TrueAsync(() => follower.Recording.End == RecordedStreamEnd.Died);
        Assert.Equal(["a", "Died"], follower.Recording.Take(0).Events.Select(one => one.Data));
        RecordingEntry? end = await _log.FindAsync("x");
        Assert.Equal((RecordingEntry.EndKind, Run, RecordedStreamEnd.Died), (end!.Kind, end.Run, end.End));
    }

    [Fact]
    public async Task Silence_of_a_log_that_is_away_is_nobodys_death()
    {
        RecordingFollower follower = await FollowAsync();
        _events.OnRead = (_, _) => throw new EventLogUnavailableException();
        await _log.AppendAsync("other", RecordingEntry.OfStop(), TestContext.Current.CancellationToken); // It wakes the reader, which finds that the log is away.
        await Eventually.TrueAsync(() => _log.IsUnreachable);
        await PassAsync(TimeSpan.FromSeconds(40));
        Assert.Null(follower.Recording.End);
    }

    [Fact]
    public async Task Producer_that_reads_of_its_death_stops()
    {
        var metrics = new RecordingMetrics(_node.Meters, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RecordingMetrics>.Instance);
        var producer = new RecordingProducer("x", Endless, _options, _log, metrics, TimeProvider.System);
        Task<RecordedStreamEnd> run = producer.RunAsync();
        await Eventually.TrueAsync(async () => await _log.FindAsync("x") is not null);
        await _log.AppendAsync("x", RecordingEntry.OfEnd(await producer.Recording.Run, [], RecordedStreamEnd.Died), TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Died, await run.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Feed_that_runs_for_too_long_is_stopped()
    {
        var metrics = new RecordingMetrics(_node.Meters, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RecordingMetrics>.Instance);
        var options = new RecordedStreamOptions { MaxDuration = TimeSpan.FromSeconds(1) };
        var producer = new RecordingProducer("x", Endless, options, _log, metrics, TimeProvider.System);
        Assert.Equal(RecordedStreamEnd.TimedOut, await producer.RunAsync().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Feed_whose_events_are_too_many_fails()
    {
        var metrics = new RecordingMetrics(_node.Meters, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RecordingMetrics>.Instance);
        var producer = new RecordingProducer("x", Large, _options, _log, metrics, TimeProvider.System);
        Assert.Equal(RecordedStreamEnd.Failed, await producer.RunAsync().WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));

        static async IAsyncEnumerable<SseItem<string>> Large(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            string megabyte = new('x', 1 << 20);
            while (true)
            {
                await Task.Yield();
                yield return new SseItem<string>(megabyte);
            }
        }
    }

    [Fact]
    public async Task Silence_of_a_read_that_hangs_is_nobodys_death()
    {
        RecordingFollower follower = await FollowAsync();
        var hangs = new TaskCompletionSource();
        _events.OnRead = async (_, read) =>
        {
            await hangs.Task;
            return await read();
        };
        for (int number = 0; number < 20; number += 5)
        {
            await _log.AppendAsync("x", RecordingEntry.OfLife(Run), TestContext.Current.CancellationToken);
            await PassAsync(TimeSpan.FromSeconds(5));
        }

        hangs.SetResult();
        await _log.AppendAsync("x", RecordingEntry.OfLife(Run), TestContext.Current.CancellationToken);
        await PassAsync(TimeSpan.FromSeconds(2));
        Assert.Null(follower.Recording.End);
        Assert.Equal(RecordingEntry.StartKind, (await _log.FindAsync("x"))!.Kind);
    }

    [Fact]
    public async Task Process_that_stood_still_takes_nobody_for_dead()
    {
        RecordingFollower follower = await FollowAsync();
        await Task.Delay(100, TestContext.Current.CancellationToken);
        _clock.Jump(TimeSpan.FromSeconds(30));
        await PassAsync(TimeSpan.FromSeconds(2));
        Assert.Null(follower.Recording.End);
    }

    [Fact]
    public async Task End_that_a_follower_has_told_stays_when_the_producer_comes_back()
    {
        var metrics = new RecordingMetrics(_node.Meters, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RecordingMetrics>.Instance);
        var events = new FaultyLog(new InstanceLog(_events));
        await using var own = new RecordingLog(events, RecordingLog.OptionsOf(new TopicOptions()), _node.Metrics, TimeProvider.System);
        var producer = new RecordingProducer("x", Endless, _options, own, metrics, TimeProvider.System);
        Task<RecordedStreamEnd> run = producer.RunAsync();
        await Eventually.TrueAsync(async () => await _log.FindAsync("x") is not null);
        RecordingEntry start = (await _log.FindAsync("x"))!;
        var follower = new RecordingFollower("x", _options, _log, _clock);
        _ = follower.RunAsync(start.From!, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => follower.Recording.Count > 1);
        events.OnAppend = (_, _) => throw new EventLogUnavailableException();
        await PassAsync(TimeSpan.FromSeconds(20));
        await Eventually.TrueAsync(() => follower.Recording.End is not null);
        SseItem<string>[] told = follower.Recording.Take(0).Events;
        events.OnAppend = (append, _) => append();
        Assert.Equal(RecordedStreamEnd.Died, await run.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(told.Select(one => one.Data), (await _log.FindAsync("x"))!.Events.Select(one => one.Data));
    }

    [Fact]
    public async Task Closing_events_that_cannot_be_made_keep_no_follower_from_telling_the_death()
    {
        LogPosition from = await _log.FindEndAsync(TestContext.Current.CancellationToken);
        await _log.AppendAsync("x", RecordingEntry.OfStart(Run, from), TestContext.Current.CancellationToken);
        var follower = new RecordingFollower(
            "x", new RecordedStreamOptions { Closing = _ => throw new InvalidOperationException() }, _log, _clock);
        Task run = follower.RunAsync(from.ToString(), TestContext.Current.CancellationToken);
        await follower.Recording.Run.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        await PassAsync(TimeSpan.FromSeconds(18));
        await run.ContinueWith(_ => { }, TestContext.Current.CancellationToken).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Died, follower.Recording.End);
        Assert.Equal(RecordingEntry.EndKind, (await _log.FindAsync("x"))!.Kind);
    }

    [Fact]
    public async Task Client_whose_follower_lost_its_place_in_the_log_has_no_event_in_place_of_another()
    {
        var metrics = new RecordingMetrics(_node.Meters, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RecordingMetrics>.Instance);
        await using var own = new RecordingLog(new InstanceLog(_memory), RecordingLog.OptionsOf(new TopicOptions()), _node.Metrics, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var producer = new RecordingProducer("x", Endless, _options, own, metrics, TimeProvider.System);
        Task<RecordedStreamEnd> run = producer.RunAsync();
        await Eventually.TrueAsync(async () => await _log.FindAsync("x") is not null);
        var follower = new RecordingFollower("x", _options, _log, TimeProvider.System);
        Task follow = follower.RunAsync((await _log.FindAsync("x"))!.From!, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => follower.Recording.Count > 1);
        LogPosition lost = await _memory.GetEndAsync(TestContext.Current.CancellationToken);
        _events.OnRead = (after, read) => after.IsAfter(lost) ? read() : Task.FromResult(new LogPage(PositionState.Unknown, [], after));
        await follow.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        SseItem<string>[] told = follower.Recording.Take(0).Events;
        producer.Stop(RecordedStreamEnd.Stopped);
        await run.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        Assert.All(told, one => Assert.Equal("word", one.Data));
    }

    [Fact]
    public async Task Follower_that_lost_its_place_in_the_log_finds_the_end()
    {
        RecordingFollower follower = await FollowAsync();
        await _log.AppendAsync("x", RecordingEntry.OfEvents(Run, 0, [new SseItem<string>("a")]), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => follower.Recording.Count == 1);
        LogPosition lost = await _memory.GetEndAsync(TestContext.Current.CancellationToken);
        _events.OnRead = (after, read) => after.IsAfter(lost) ? read() : Task.FromResult(new LogPage(PositionState.Expired, [], after));
        await _log.AppendAsync(
            "x",
            RecordingEntry.OfEnd(Run, [new SseItem<string>("a"), new SseItem<string>("b")], RecordedStreamEnd.Completed),
            TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => follower.Recording.End is not null);
        Assert.Equal(RecordedStreamEnd.Completed, follower.Recording.End);
        Assert.Equal(["a", "b"], follower.Recording.Take(0).Events.Select(one => one.Data));
    }

    public async ValueTask DisposeAsync()
    {
        _events.IsUnreachable = false;
        await _log.DisposeAsync();
        await _node.DisposeAsync();
    }

    private async Task<RecordingFollower> FollowAsync()
    {
        LogPosition from = await _log.FindEndAsync(TestContext.Current.CancellationToken);
        await _log.AppendAsync("x", RecordingEntry.OfStart(Run, from), TestContext.Current.CancellationToken);
        var follower = new RecordingFollower("x", _options, _log, _clock);
        _ = follower.RunAsync(from.ToString(), TestContext.Current.CancellationToken);
        Assert.Equal(Run, await follower.Recording.Run.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        return follower;
    }

    private async Task PassAsync(TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(1))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
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
