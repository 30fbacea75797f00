using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>Publishing: what is refused, and what becomes of it when the log does not take it.</summary>
[Trait("Category", "Fast")]
public sealed class TopicPublisherTests : IAsyncDisposable
{
    private static readonly Task<IReadOnlyList<LogPosition>> s_never = new TaskCompletionSource<IReadOnlyList<LogPosition>>().Task;

    private readonly ManualTimeProvider _time = new();
    private readonly FaultyLog _log;
    private readonly TopicNode _node;

    public TopicPublisherTests()
    {
        _log = new FaultyLog(new MemoryEventLog(new TopicOptions(), _time));
        _node = new TopicNode(_log, new TopicOptions { MaxEventSize = 1024 * 1024 }, _time);
    }

    public async ValueTask DisposeAsync()
    {
        _log.OnAppend = (append, _) => append();
        Task end = _node.DisposeAsync().AsTask();
        await MoveUntilAsync(end);
    }

    [Fact]
    public async Task Value_is_published_as_JSON_and_a_string_as_it_is()
    {
        string earliest = await _node.EarliestAsync();
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        await _node.Publisher.PublishAsync("t", new { Name = "x", Count = 1 }, cancellationToken: cancellationToken).WaitAsync(TopicNode.Limit, cancellationToken);
        await _node.Publisher.PublishAsync<object>("t", "text", cancellationToken: cancellationToken).WaitAsync(TopicNode.Limit, cancellationToken);
        Assert.Equal(["{\"name\":\"x\",\"count\":1}", "text"], (await _node.ReadAsync(earliest)).Select(one => one.Data));
    }

    [Fact]
    public async Task Wrong_name_type_and_size_are_refused()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => _node.PublishAsync("a//b", ""));
        await Assert.ThrowsAsync<ArgumentException>(() => _node.PublishAsync("orders/*", ""));
        await Assert.ThrowsAsync<ArgumentException>(() => _node.PublishAsync("t", "", "reset"));
        await Assert.ThrowsAsync<EventTooLargeException>(() => _node.PublishAsync("t", new string('é', 1 + (512 * 1024))));
        await _node.PublishAsync("t", new string('é', 512 * 1024));
    }

    [Fact]
    public async Task Log_that_never_answers_is_an_error_after_ten_seconds()
    {
        _log.OnAppend = (_, cancellationToken) => s_never.WaitAsync(cancellationToken);
        Task<string> publish = _node.PublishAsync("t", "1");
        await MoveUntilAsync(publish);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => publish);
        Assert.InRange(_time.Now.TotalSeconds, 9.9, 10.2);
    }

    [Fact]
    public async Task Log_that_never_says_whether_there_is_room_for_a_value_is_an_error_after_ten_seconds()
    {
        _log.BeforeCanRetain = () => s_never;
        Task<string> publish = _node.PublishAsync("t", "1", retain: true);
        await MoveUntilAsync(publish);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => publish);
        Assert.InRange(_time.Now.TotalSeconds, 9.9, 10.2);
    }

    [Fact]
    public async Task Log_that_is_away_for_a_moment_gets_the_retained_event_as_any_other()
    {
        int asked = 0;
        _log.BeforeCanRetain = () => asked++ == 0 ? throw new EventLogUnavailableException() : Task.CompletedTask;
        Task<string> publish = _node.PublishAsync("t", "1", retain: true);
        await MoveUntilAsync(publish);
        await publish;
    }

    [Fact]
    public async Task Log_that_is_back_in_time_gets_the_event()
    {
        _log.IsUnreachable = true;
        Task<string> publish = _node.PublishAsync("t", "1");
        await MoveUntilAsync(publish, () => _time.Now > TimeSpan.FromSeconds(8));
        _log.IsUnreachable = false;
        await MoveUntilAsync(publish);
        Assert.Single(await _node.ReadAsync(await _node.EarliestAsync()));
    }

    [Fact]
    public async Task Each_event_is_tried_for_its_own_ten_seconds()
    {
        _log.IsUnreachable = true;
        Task<string> first = _node.PublishAsync("t", "1");
        await Eventually.TrueAsync(() => _node.Logs.Count > 0);
        Task<string> second = _node.PublishAsync("t", "2");
        await MoveUntilAsync(second, () => _time.Now >= TimeSpan.FromSeconds(9));
        Task<string> third = _node.PublishAsync("t", "3");
        await MoveUntilAsync(second);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => first);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => second);
        Assert.InRange(_time.Now.TotalSeconds, 9.9, 10.2);
        await MoveUntilAsync(third, () => _time.Now >= TimeSpan.FromSeconds(15));
        Assert.False(third.IsCompleted);
        _log.IsUnreachable = false;
        await MoveUntilAsync(third);
        await third;

        // Those that were given up are not published after all.
        Assert.Single(await _node.ReadAsync(await _node.EarliestAsync()));
    }

    [Fact]
    public async Task What_waits_is_bounded_and_beyond_it_the_error_comes_at_once()
    {
        var gate = new TaskCompletionSource();
        _log.OnAppend = async (append, cancellationToken) =>
        {
            await gate.Task.WaitAsync(TopicNode.Limit, cancellationToken);
            return await append();
        };
        string data = new('x', 1024 * 1024);
        Task<string>[] publishes = [.. Enumerable.Range(0, 40).Select(_ => _node.PublishAsync("t", data))];
        Assert.Equal(9, publishes.Count(publish => publish.IsFaulted));
        Assert.All(publishes.Where(publish => publish.IsFaulted), publish => Assert.IsType<EventLogUnavailableException>(publish.Exception!.InnerException));
        gate.SetResult();
        await Task.WhenAll(publishes.Where(publish => !publish.IsFaulted)).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        await _node.PublishAsync("t", data);
    }

    [Fact]
    public async Task Stop_lets_what_is_pending_finish_and_takes_no_more()
    {
        var gate = new TaskCompletionSource();
        _log.OnAppend = async (append, cancellationToken) =>
        {
            await gate.Task.WaitAsync(TopicNode.Limit, cancellationToken);
            return await append();
        };
        Task<string> publish = _node.PublishAsync("t", "1");
        Task stop = _node.Writer.StopAsync();
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => _node.PublishAsync("t", "2"));
        Assert.False(stop.IsCompleted);
        gate.SetResult();
        await stop.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        await publish;
    }

    [Fact]
    public async Task Stop_fails_what_is_pending_after_four_seconds()
    {
        _log.OnAppend = (_, cancellationToken) => s_never.WaitAsync(cancellationToken);
        Task<string> first = _node.PublishAsync("t", "1");
        await Eventually.TrueAsync(() => _log.Appends > 0);
        Task<string> second = _node.PublishAsync("t", "2");
        Task stop = _node.Writer.StopAsync();
        await MoveUntilAsync(stop);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => first);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => second);
        Assert.InRange(_time.Now.TotalSeconds, 3.9, 4.2);
    }

    [Fact]
    public async Task Four_seconds_begin_when_the_host_begins_to_stop_and_what_still_comes_has_its_own()
    {
        _log.OnAppend = (_, cancellationToken) => s_never.WaitAsync(cancellationToken);
        Task<string> pending = _node.PublishAsync("t", "1");
        await Eventually.TrueAsync(() => _log.Appends > 0);
        _node.Writer.BeginShutdown();
        await MoveUntilAsync(pending);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => pending);
        Assert.InRange(_time.Now.TotalSeconds, 3.9, 4.2);

        Task<string> late = _node.PublishAsync("t", "2");
        await MoveUntilAsync(late);
        await Assert.ThrowsAsync<EventLogUnavailableException>(() => late);
        Assert.InRange(_time.Now.TotalSeconds, 7.8, 8.4);
        _log.OnAppend = (append, _) => append();
        await _node.PublishAsync("t", "3");
    }

    [Fact]
    public async Task Publisher_that_no_longer_waits_is_cancelled()
    {
        _log.OnAppend = (_, cancellationToken) => s_never.WaitAsync(cancellationToken);
        using var cancel = new CancellationTokenSource();
        Task<string> publish = _node.Publisher.PublishAsync("t", "1", cancellationToken: cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => publish.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Publisher_whose_context_is_busy_holds_up_no_other()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _log.OnAppend = async (append, _) =>
        {
            await answer.Task.ConfigureAwait(false);
            return await append().ConfigureAwait(false);
        };
        var busy = new BusyContext();
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(busy);
        Task<string> first;
        try
        {
            first = _node.PublishAsync("t", "1");
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }

        try
        {
            answer.SetResult();
            await Task.Run(() => _node.PublishAsync("t", "2"), TestContext.Current.CancellationToken)
                .WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        }
        finally
        {
            busy.Release();
        }

        await first.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Publishing_while_the_log_appends_and_without_a_flow_of_the_context_works()
    {
        var nested = new List<Task<string>>();
        _log.OnAppend = (append, _) =>
        {
            if (nested.Count < 20)
            {
                nested.Add(_node.PublishAsync("t", "nested"));
            }

            return append();
        };
        Task<string> first;
        using (ExecutionContext.SuppressFlow())
        {
            first = _node.PublishAsync("t", "1");
        }

        await first.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => nested.Count == 20);
        await Task.WhenAll(nested).WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);
        await _node.PublishAsync("t", "2");
    }

    private Task MoveUntilAsync(Task task, Func<bool>? orUntil = null) => Eventually.TrueAsync(() =>
    {
        if (task.IsCompleted || orUntil?.Invoke() == true)
        {
            return true;
        }

        _time.Advance(TimeSpan.FromMilliseconds(50));
        return false;
    });

    // One thread's context, as that of a Blazor circuit or of a window, whose thread works at something else until it is released.
    private sealed class BusyContext : SynchronizationContext
    {
        private readonly Lock _gate = new();
        private readonly List<Action> _posted = [];
        private bool _isReleased;

        public override void Post(SendOrPostCallback d, object? state)
        {
            lock (_gate)
            {
                if (!_isReleased)
                {
                    _posted.Add(() => d(state));
                    return;
                }
            }

            base.Post(d, state);
        }

        public void Release()
        {
            lock (_gate)
            {
                _isReleased = true;
                _posted.ForEach(action => ThreadPool.QueueUserWorkItem(_ => action()));
            }
        }
    }
}
