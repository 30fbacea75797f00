using System.Text;
using FuncSse.Topics;
using FuncSse.Topics.Redis;

namespace FuncSse.Tests.Topics;

/// <summary>What a process makes of the messages that Redis pushes: in any order, lost, large, or of another program.</summary>
[Trait("Category", "Fast")]
public sealed class RedisFeedTests
{
    private const int MaxBytes = 1 << 16;

    private static readonly LogPosition s_start = Position(0);

    private readonly ManualTimeProvider _time = new();
    private readonly RedisFeed _feed;

    public RedisFeedTests() => _feed = new RedisFeed(_time);

    [Fact]
    public void Records_that_follow_a_position_are_taken_in_order_whatever_the_order_of_the_messages()
    {
        Push(3, "four");
        Push(0, "one", "and a half");
        Assert.Equal(["one 1-0", "and a half 1-1"], Take(s_start));
        LogPosition second = new("e", 1, 1, "aaaa");
        Assert.Empty(Take(second));
        Receive($"e 1-0-1-aaaa 3-0\n{Line("three")}");
        Assert.Equal(["three 3-0", "four 4-0"], Take(second));
        Assert.Empty(Take(second));
    }

    [Fact]
    public void Position_of_another_record_at_the_same_place_has_nothing_after_it()
    {
        Receive($"e 0-0-0-bbbb 1-0\n{Line("one")}");
        Assert.Empty(Take(s_start));
        Receive($"f 0-0-0-aaaa 1-0\n{Line("one")}");
        Assert.Empty(Take(s_start));
    }

    [Fact]
    public async Task Takes_no_more_than_is_asked_for_and_knows_that_there_is_more()
    {
        Push(0, new string('x', 1000));
        Push(1, "two");
        await AwaitAsync(_feed.WaitAsync(s_start, TestContext.Current.CancellationToken));
        Assert.Single(_feed.Take(s_start, 100));
        Assert.True(_feed.HasMore(Position(1)));
        Assert.Equal(["two 2-0"], Take(Position(1)));
        Assert.False(_feed.HasMore(Position(2)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("e")]
    [InlineData("e ")]
    [InlineData("hello world")]
    [InlineData("e 0-0-0-aaaa 1-0")]
    [InlineData("e 0-0-0-aaaa 1-0\n")]
    [InlineData("e 0-0-0-aaaa 1\none")]
    [InlineData("e 0-0-0-aaaa one\none")]
    [InlineData("e 0-0-70000-aaaa 1-0\none")]
    [InlineData("e 00-0-0-aaaa 1-0\none")]
    public void Message_of_another_program_gives_no_records(string message)
    {
        Receive(message);
        Assert.Empty(Take(s_start));
    }

    [Fact]
    public async Task Wait_ends_once_for_each_message_also_if_one_before_it_is_missing()
    {
        Task wait = _feed.WaitAsync(s_start, TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted);
        Push(1, "two");
        await AwaitAsync(wait);
        Assert.Empty(Take(s_start)); // The reader reads the log now.
        wait = _feed.WaitAsync(Position(2), TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted);
        Receive("e 3-0-0-aaaa");
        await AwaitAsync(wait);
        wait = _feed.WaitAsync(Position(3), TestContext.Current.CancellationToken);
        Push(1, "two"); // It is late, and the reader is beyond it.
        Assert.False(wait.IsCompleted);
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(RedisFeed.LongestPause); // Once it waits again.
            return wait.IsCompleted;
        });
    }

    [Fact]
    public async Task Connection_that_changed_ends_the_wait_and_what_was_pushed_before_counts_no_more()
    {
        Push(0, "one");
        Task wait = _feed.WaitAsync(Position(1), TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted);
        _feed.OnConnectionChanged();
        await AwaitAsync(wait);
        Assert.Empty(Take(s_start));
    }

    [Fact]
    public void What_the_log_lost_and_comes_late_gives_way_to_what_it_has_in_that_place()
    {
        Push(0, "lost"); // Of the connection before.
        Push(0, "kept");
        Assert.Equal(["kept 1-0"], Take(s_start));
    }

    [Fact]
    public void What_nobody_takes_is_bounded()
    {
        string data = new('x', 10_000);
        for (int number = 0; number < 1000; number++)
        {
            Push(number, data);
        }

        int kept = Enumerable.Range(0, 1000).Sum(number => Take(Position(number)).Length);
        Assert.InRange(kept, 1, (1 << 20) / data.Length);
        Push(5000, "one");
        Assert.Single(Take(Position(5000)));
    }

    [Fact]
    public async Task Reader_that_waited_a_moment_ago_still_follows()
    {
        using var stop = new CancellationTokenSource();
        Task wait = _feed.WaitAsync(s_start, stop.Token);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.True(_feed.IsFollowed);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken));
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(_feed.IsFollowed);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_feed.IsFollowed);
    }

    private static LogPosition Position(int number) => new("e", number, 0, "aaaa");

    private static Task AwaitAsync(Task wait) => wait.WaitAsync(TopicNode.Limit, TestContext.Current.CancellationToken);

    private static string Line(string text) => $"{text}\"r\":\"aaaa\"}}";

    // An entry that follows a position.
    private void Push(int after, params string[] records) =>
        Receive($"e {after}-0-0-aaaa {after + 1}-0\n{string.Join('\n', records.Select(Line))}");

    private void Receive(string message) => _feed.Receive(Encoding.ASCII.GetBytes(message));

    private string[] Take(LogPosition after) =>
        [.. _feed.Take(after, MaxBytes).Select(record => $"{Encoding.ASCII.GetString(record.Line.Span[..^Line("").Length])} {record.End.Segment}-{record.End.Offset}")];
}
