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
        Receive("e-3-0-aaaa\n4-0-aaaa four");
        Receive("e-0-0-aaaa\n1-0-aaaa one\n2-0-aaaa two");
        Assert.Equal(["one 1", "two 2"], Take(s_start));
        Assert.Empty(Take(Position(2)));
        Receive("e-2-0-aaaa\n3-0-aaaa three");
        Assert.Equal(["three 3", "four 4"], Take(Position(2)));
        Assert.Empty(Take(Position(2)));
    }

    [Fact]
    public void Position_of_another_record_at_the_same_place_has_nothing_after_it()
    {
        Receive("e-0-0-bbbb\n1-0-aaaa one");
        Assert.Empty(Take(s_start));
        Receive("f-0-0-aaaa\n1-0-aaaa one");
        Assert.Empty(Take(s_start));
    }

    [Fact]
    public async Task Takes_no_more_than_is_asked_for_and_knows_that_there_is_more()
    {
        Receive($"e-0-0-aaaa\n1-0-aaaa {new string('x', 1000)}");
        Receive("e-1-0-aaaa\n2-0-aaaa two");
        await AwaitAsync(_feed.WaitAsync(s_start, TestContext.Current.CancellationToken));
        Assert.Single(_feed.Take(s_start, 100));
        Assert.True(_feed.HasMore(Position(1)));
        Assert.Equal(["two 2"], Take(Position(1)));
        Assert.False(_feed.HasMore(Position(2)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("e")]
    [InlineData("e ")]
    [InlineData("hello world")]
    [InlineData("e-0-0-aaaa\n")]
    [InlineData("e-0-0-aaaa\n1-0-aaaa")]
    [InlineData("e-0-0-aaaa\none two")]
    [InlineData("e-0-0-aaaa\n\n")]
    [InlineData("e-00-0-aaaa\n1-0-aaaa one")]
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
        Receive("e-1-0-aaaa\n2-0-aaaa two");
        await AwaitAsync(wait);
        Assert.Empty(Take(s_start)); // The reader reads the log now.
        wait = _feed.WaitAsync(Position(2), TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted);
        Receive("e-3-0-aaaa");
        await AwaitAsync(wait);
        wait = _feed.WaitAsync(Position(3), TestContext.Current.CancellationToken);
        Receive("e-1-0-aaaa\n2-0-aaaa two"); // It is late, and the reader is beyond it.
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
        Receive("e-0-0-aaaa\n1-0-aaaa one");
        Task wait = _feed.WaitAsync(Position(1), TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted);
        _feed.OnConnectionChanged();
        await AwaitAsync(wait);
        Assert.Empty(Take(s_start));
    }

    [Fact]
    public void What_the_log_lost_and_comes_late_gives_way_to_what_it_has_in_that_place()
    {
        Receive("e-0-0-aaaa\n1-0-aaaa lost"); // Of the connection before.
        Receive("e-0-0-aaaa\n1-0-bbbb kept");
        Assert.Equal(["kept 1"], Take(s_start));
    }

    [Fact]
    public void What_nobody_takes_is_bounded()
    {
        string data = new('x', 10_000);
        for (int number = 0; number < 1000; number++)
        {
            Receive($"e-{number}-0-aaaa\n{number + 1}-0-aaaa {data}");
        }

        int kept = Enumerable.Range(0, 1000).Sum(number => Take(Position(number)).Length);
        Assert.InRange(kept, 1, (1 << 20) / data.Length);
        Receive("e-5000-0-aaaa\n5001-0-aaaa one");
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

    private void Receive(string message) => _feed.Receive(Encoding.ASCII.GetBytes(message));

    private string[] Take(LogPosition after) =>
        [.. _feed.Take(after, MaxBytes).Select(record => $"{Encoding.ASCII.GetString(record.Line.Span)} {record.End.Segment}")];
}
