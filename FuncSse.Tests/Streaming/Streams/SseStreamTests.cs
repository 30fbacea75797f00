using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Tests;

/// <summary>The life of a stream on a clock that stands until the test moves it.</summary>
[Trait("Category", "Fast")]
public sealed class SseStreamTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly SseOptions s_lasting = new() { MaxDuration = TimeSpan.FromDays(1), KeepAlive = TimeSpan.FromSeconds(220) };

    [Fact]
    public async Task Retry_leaves_with_the_headers_and_the_first_event_a_second_later()
    {
        using var stream = new StreamHarness();
        Task run = stream.RunCounterAsync();
        Assert.Equal("retry: 1000\n\n", stream.Read());
        stream.Time.Advance(s_second - TimeSpan.FromTicks(1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal("data: 1\nid: 1\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;
    }

    [Fact]
    public async Task Counter_does_not_drift_in_an_hour()
    {
        using var stream = new StreamHarness(s_lasting);
        Task run = stream.RunCounterAsync();
        stream.Read();
        for (int second = 1; second <= 3600; second++)
        {
            stream.Time.Advance(s_second - TimeSpan.FromTicks(1));
            Assert.Equal("", stream.Read());
            stream.Time.Advance(TimeSpan.FromTicks(1));
            Assert.Equal($"data: {second}\nid: {second}\n\n", stream.Read());
        }

        stream.LeaveAsClient();
        await run;
    }

    [Theory]
    [InlineData("41", null, 42)]
    [InlineData(null, "41", 42)]
    [InlineData("41", "7", 42)]
    [InlineData("0", null, 1)]
    [InlineData("999999999999999999", null, 1_000_000_000_000_000_000)]
    [InlineData("", "7", 8)]
    [InlineData("-1", null, 1)]
    [InlineData("+1", null, 1)]
    [InlineData(" 1", null, 1)]
    [InlineData("1.5", null, 1)]
    [InlineData("abc", "7", 1)]
    [InlineData("9223372036854775807", null, 1)]
    [InlineData("000000000000000000000000000005", null, 1)]
    [InlineData("5\0", null, 1)]
    [InlineData("٣", null, 1)]
    public async Task Counter_goes_on_after_the_last_event_id(string? header, string? query, long next)
    {
        using var stream = new StreamHarness();
        if (header is not null)
        {
            stream.Http.Request.Headers["Last-Event-ID"] = header;
        }

        if (query is not null)
        {
            stream.Http.Request.QueryString = QueryString.Create("lastEventId", query);
        }

        Task run = stream.RunCounterAsync();
        stream.Time.Advance(2 * s_second);
        Assert.Equal($"retry: 1000\n\ndata: {next}\nid: {next}\n\ndata: {next + 1}\nid: {next + 1}\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;
    }

    [Theory]
    [InlineData("?a=1&lastEventId=5&lastEventId=7&b", "5")]
    [InlineData("?LASTEVENTID=5", "5")]
    [InlineData("?last%45ventId=%35", "5")]
    [InlineData("?lastEventId", null)]
    [InlineData("?lastEventIds=5", null)]
    public async Task Last_event_id_is_the_first_of_its_name_in_the_query(string query, string? expected)
    {
        using var stream = new StreamHarness();
        stream.Http.Request.QueryString = new QueryString(query);
        string? seen = "not called";
        await stream.RunToEndAsync((lastEventId, _) =>
        {
            seen = lastEventId;
            return AsyncEnumerable.Empty<SseItem<string>>();
        });
        Assert.Equal(expected, seen);
    }

    [Fact]
    public async Task Feed_gets_the_last_event_id_as_it_came_or_none()
    {
        var seen = new List<string?>();
        foreach (string? id in (string?[])["any text, 日本", "1,2", null, ""])
        {
            using var stream = new StreamHarness();
            stream.Http.Request.Headers["Last-Event-ID"] = id;
            await stream.RunToEndAsync((lastEventId, _) =>
            {
                seen.Add(lastEventId);
                return AsyncEnumerable.Empty<SseItem<string>>();
            });
        }

        Assert.Equal(["any text, 日本", "1,2", null, null], seen);
    }

    [Fact]
    public async Task Comment_keeps_a_silent_stream_alive_and_a_busy_one_gets_none()
    {
        using var stream = new StreamHarness(new SseOptions { MaxDuration = TimeSpan.FromHours(1) });
        Task run = stream.RunAsync((_, cancellationToken) => AfterAsync(40 * s_second, cancellationToken));
        Assert.Equal("retry: 1000\n\n", stream.Read());
        stream.Time.Advance(15 * s_second - TimeSpan.FromTicks(1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(":\n\n", stream.Read());
        stream.Time.Advance(15 * s_second);
        Assert.Equal(":\n\n", stream.Read());
        stream.Time.Advance(10 * s_second);
        Assert.Equal("data: a\n\n", stream.Read());
        stream.Time.Advance(15 * s_second - TimeSpan.FromTicks(1));
        Assert.Equal("", stream.Read());
        stream.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(":\n\n", stream.Read());
        stream.LeaveAsClient();
        await run;

        using var busy = new StreamHarness(new SseOptions { MaxDuration = TimeSpan.FromHours(1) });
        Task busyRun = busy.RunCounterAsync();
        busy.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.DoesNotContain(":\n\n", Regex.Replace(busy.Read(), "data: \\d+\n\n", ""), StringComparison.Ordinal);
        busy.LeaveAsClient();
        await busyRun;

        async IAsyncEnumerable<SseItem<string>> AfterAsync(TimeSpan time, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            using var timer = new PeriodicTimer(time, stream.Coalescing);
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                yield return new SseItem<string>("a");
            }
        }
    }

    [Fact]
    public async Task Stream_of_a_feed_that_has_no_more_events_ends()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => new[] { new SseItem<string>("a", "t"), new SseItem<string>("b") { EventId = "2" } }.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\nevent: t\ndata: a\n\ndata: b\nid: 2\n\n", stream.Read());
    }

    [Fact]
    public async Task Data_that_is_no_text_is_sent_as_json()
    {
        using var stream = new StreamHarness();
        await stream.RunToEndAsync((_, _) => new[] { new SseItem<Reading>(new Reading("a\nb", 1.5)), new SseItem<Reading>(null!) }.ToAsyncEnumerable());
        Assert.Equal("retry: 1000\n\ndata: {\"name\":\"a\\nb\",\"value\":1.5}\n\ndata: \n\n", stream.Read());
    }

    private sealed record Reading(string Name, double Value);
}
