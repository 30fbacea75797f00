using System.Diagnostics;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Topics;

/// <summary>Recorded streams over HTTP, on two instances that share their log.</summary>
public sealed class RecordedStreamTests : IAsyncDisposable
{
    private readonly FaultyLog _log = new(new MemoryEventLog(RecordingLog.OptionsOf(new TopicOptions()), TimeProvider.System));
    private readonly List<TopicServer> _servers = [];
    private readonly Channel<SseItem<string>> _words = Channel.CreateUnbounded<SseItem<string>>();
    private int _feeds;

    [Fact]
    public async Task Client_that_started_it_and_followers_on_both_instances_get_all_of_it()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        Say("a");
        using TopicClient starter = await PostAsync(one, "x");
        Assert.Equal(":\n\n", await starter.FrameAsync());
        string first = await starter.FrameAsync();
        Assert.Matches("^data: a\nid: [a-z0-9]{12}-1\n\n$", first);
        using TopicClient same = await one.OpenAsync("run/x");
        using TopicClient other = await two.OpenAsync("run/x");
        using TopicClient second = await PostAsync(two, "x");
        Say("two\nlines", "t");
        _words.Writer.Complete();
        string rest = $"event: t\ndata: two\ndata: lines\nid: {SubscriptionReader.Id(first)[..^1]}2\n\n";
        Assert.Equal(rest, await starter.RestAsync());
        Assert.Equal($":\n\n{first}{rest}", await same.RestAsync());
        Assert.Equal($":\n\n{first}{rest}", await other.RestAsync());
        Assert.Equal($":\n\n{first}{rest}", await second.RestAsync());
        using TopicClient replay = await two.OpenAsync("run/x");
        Assert.Equal($":\n\n{first}{rest}", await replay.RestAsync());
        Assert.InRange(_feeds, 1, 2); // The second one begins beside the question whether its name is free.
    }

    [Fact]
    public async Task Client_comes_back_after_its_last_id_and_gets_204_after_the_end()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        foreach (string word in (string[])["a", "b", "c"])
        {
            Say(word);
        }

        using TopicClient starter = await PostAsync(one, "x");
        await starter.FrameAsync();
        string[] frames = [await starter.FrameAsync(), await starter.FrameAsync(), await starter.FrameAsync()];
        using TopicClient back = await two.OpenAsync("run/x", ("Last-Event-ID", SubscriptionReader.Id(frames[1])));
        Assert.Equal(":\n\n", await back.FrameAsync());
        Assert.Equal(frames[2], await back.FrameAsync());
        _words.Writer.Complete();
        Assert.Equal("", await back.RestAsync());
        await starter.RestAsync();
        foreach (TopicServer server in _servers)
        {
            Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, "run/x", SubscriptionReader.Id(frames[2])));
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "run/x", SubscriptionReader.Id(frames[0])));
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "run/x", "forged-3"));
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "run/x", SubscriptionReader.Id(frames[2])[..^1] + "4"));
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, "run/x", SubscriptionReader.Id(frames[2])[..^1] + "-1"));
            Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, "plain/x", null));
            Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, "run/unknown", null));
            using HttpResponseMessage again = await server.Client.PostAsync("run/x", null, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        }

        Assert.InRange(_feeds, 1, 3); // A feed goes on beside the question whether its name is free.
    }

    [Fact]
    public async Task Start_just_after_the_end_is_refused_though_the_log_does_not_have_the_end_yet()
    {
        TopicServer server = await StartAsync();
        var gate = new TaskCompletionSource();
        using (TopicClient starter = await PostAsync(server, "x"))
        {
            await starter.FrameAsync();
            await Eventually.TrueAsync(async () => await StatusAsync(server, "run/x", null) == HttpStatusCode.OK);
            _log.OnAppend = async (append, cancellationToken) =>
            {
                await gate.Task.WaitAsync(TopicNode.Limit, cancellationToken);
                return await append();
            };
            _words.Writer.Complete();
            Assert.Equal("", await starter.RestAsync());
        }

        using HttpResponseMessage again = await server.Client.PostAsync("run/x", null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        gate.SetResult();
    }

    [Fact]
    public async Task Feed_goes_on_when_all_clients_leave()
    {
        TopicServer server = await StartAsync();
        Say("a");
        using (TopicClient starter = await PostAsync(server, "x"))
        {
            await starter.FrameAsync();
            await starter.FrameAsync();
        }

        Say("b");
        _words.Writer.Complete();
        using TopicClient later = await server.OpenAsync("run/x");
        Assert.EndsWith("-2\n\n", await later.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_from_another_instance_ends_the_feed_and_breaks_every_stream_after_the_closing_event()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        Say("a");
        using TopicClient starter = await PostAsync(one, "x");
        using TopicClient follower = await two.OpenAsync("run/x");
        await starter.FrameAsync();
        await follower.FrameAsync();
        Assert.Equal(await starter.FrameAsync(), await follower.FrameAsync());
        await two.Services.GetRequiredService<IRecordedStreams>().StopAsync("x", TestContext.Current.CancellationToken);
        string closing = await starter.FrameAsync();
        Assert.StartsWith("event: broken\ndata: Stopped\nid: ", closing, StringComparison.Ordinal);
        Assert.Equal(closing, await follower.FrameAsync());
        await Assert.ThrowsAnyAsync<IOException>(starter.RestAsync);
        await Assert.ThrowsAnyAsync<IOException>(follower.RestAsync);
        foreach (TopicServer server in _servers)
        {
            Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(server, "run/x", SubscriptionReader.Id(closing)));
        }

        await two.Services.GetRequiredService<IRecordedStreams>().StopAsync("x", TestContext.Current.CancellationToken);
        await two.Services.GetRequiredService<IRecordedStreams>().StopAsync("nothing", TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Feed_that_throws_breaks_the_stream_and_is_logged_once(int words)
    {
        TopicServer server = await StartAsync();
        for (int number = 0; number < words; number++)
        {
            Say("a");
        }

        _words.Writer.Complete(new InvalidOperationException("the model is away"));
        using TopicClient starter = await PostAsync(server, "x");
        await starter.FrameAsync();
        for (int number = 0; number < words; number++)
        {
            await starter.FrameAsync();
        }

        Assert.StartsWith("event: broken\ndata: Failed\n", await starter.FrameAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(starter.RestAsync);
        Assert.Single(server.Logs.GetSnapshot(), entry => entry.Level == LogLevel.Error);
    }

    [Fact]
    public async Task Feed_that_ignores_its_token_is_left_behind()
    {
        TopicServer server = await StartAsync();
        using TopicClient starter = await PostAsync(server, "stubborn");
        await starter.FrameAsync();
        await server.Services.GetRequiredService<IRecordedStreams>().StopAsync("stubborn", TestContext.Current.CancellationToken);
        Assert.StartsWith("event: broken\ndata: Stopped\n", await starter.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_that_is_away_keeps_nothing_from_clients_of_the_same_instance()
    {
        TopicServer server = await StartAsync();
        _log.IsUnreachable = true;
        Say("a");
        using TopicClient starter = await PostAsync(server, "x");
        await starter.FrameAsync();
        Assert.StartsWith("data: a\n", await starter.FrameAsync(), StringComparison.Ordinal);
        using TopicClient follower = await server.OpenAsync("run/x");
        await follower.FrameAsync();
        Assert.StartsWith("data: a\n", await follower.FrameAsync(), StringComparison.Ordinal);
        Assert.Single(server.Logs.GetSnapshot(), entry => entry.Message.Contains("cannot be recorded at present", StringComparison.Ordinal));
        _log.IsUnreachable = false;
        Say("b");
        _words.Writer.Complete();
        Assert.EndsWith("-2\n\n", await starter.RestAsync(), StringComparison.Ordinal);
        TopicServer other = await StartAsync();
        await Eventually.TrueAsync(async () => await StatusAsync(other, "run/x", null) == HttpStatusCode.OK);
        using TopicClient replay = await other.OpenAsync("run/x");
        Assert.EndsWith("-2\n\n", await replay.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_beyond_the_limit_and_wrong_names_are_refused()
    {
        TopicServer server = await StartAsync(("Topics:MaxRecordings", "1"));
        using TopicClient starter = await PostAsync(server, "x");
        using TopicClient refused = await PostAsync(server, "y");
        Assert.Matches("^retry: [0-9]{5}\n\n$", await refused.RestAsync());
        IRecordedStreams streams = server.Services.GetRequiredService<IRecordedStreams>();
        foreach (string name in (string[])["$x", "a//b", "", new string('x', 255)])
        {
            await Assert.ThrowsAsync<ArgumentException>(() => streams.Start(name, Feed));
            await Assert.ThrowsAsync<ArgumentException>(() => streams.StopAsync(name, TestContext.Current.CancellationToken));
        }

        Assert.Throws<RecordingLimitException>(() => { _ = streams.Start("y", Feed); });
        Say("a");
        _words.Writer.Complete();
        await Eventually.TrueAsync(async () => await StatusAsync(server, "run/x", null) == HttpStatusCode.OK);
    }

    [Fact]
    public async Task Two_instances_that_start_a_name_at_once_run_one_feed_to_its_end()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        for (int round = 0; round < 20; round++)
        {
            string name = $"race/{round}";
            Task<TopicClient>[] starts = [PostAsync(one, name), PostAsync(two, name)];
            await Task.WhenAll(starts).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            Assert.Equal(await WholeAsync(one, name), await WholeAsync(two, name));
            Array.ForEach(starts, start => start.Result.Dispose());
        }
    }

    [Fact]
    public async Task Start_in_code_ends_with_the_feed_and_says_how()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        Task<RecordedStreamEnd> started = one.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed);
        Say("a");
        using TopicClient follower = await two.OpenAsync("run/x");
        await follower.FrameAsync();
        Task<RecordedStreamEnd> second = two.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed);
        _words.Writer.Complete();
        Assert.Equal(RecordedStreamEnd.Completed, await started.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(RecordedStreamEnd.Completed, await second.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<AlreadyRecordedException>(
            () => two.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Host_that_stops_ends_the_feed_and_tells_followers()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        Say("a");
        using TopicClient starter = await PostAsync(one, "x");
        using TopicClient follower = await two.OpenAsync("run/x");
        await follower.FrameAsync();
        await follower.FrameAsync();
        await one.StopAsync();
        Assert.StartsWith("event: broken\ndata: HostStopped\n", await follower.FrameAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(follower.RestAsync);
    }

    [Fact]
    public async Task Events_of_many_streams_go_into_the_log_together()
    {
        TopicServer server = await StartAsync();
        long began = Stopwatch.GetTimestamp();
        IRecordedStreams streams = server.Services.GetRequiredService<IRecordedStreams>();
        Task[] all = [.. Enumerable.Range(0, 50).Select(number => streams.Start($"many/{number}", Words))];
        await Task.WhenAll(all).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.InRange(_log.Appends, 1, (20 * Stopwatch.GetElapsedTime(began).TotalSeconds) + 3);

        static async IAsyncEnumerable<SseItem<string>> Words(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            for (int number = 0; number < 100; number++)
            {
                await Task.Delay(5, cancellationToken);
                yield return new SseItem<string>("word");
            }
        }
    }

    [Fact]
    public async Task Feed_that_ignores_its_token_and_has_more_events_is_read_no_further()
    {
        TopicServer server = await StartAsync();
        int said = 0;
        Task<RecordedStreamEnd> run = server.Services.GetRequiredService<IRecordedStreams>().Start("x", Deaf);
        await Eventually.TrueAsync(() => said > 1);
        await server.Services.GetRequiredService<IRecordedStreams>().StopAsync("x", TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Stopped, await run.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
        await Task.Delay(100, TestContext.Current.CancellationToken);
        int after = said;
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.Equal(after, said);

#pragma warning disable CS8425 // It ignores it.
        async IAsyncEnumerable<SseItem<string>> Deaf(string? lastEventId, CancellationToken cancellationToken)
        {
            while (said < 1000)
            {
                await Task.Delay(20, CancellationToken.None);
                Interlocked.Increment(ref said);
                yield return new SseItem<string>("word");
            }
        }
#pragma warning restore CS8425
    }

    [Fact]
    public async Task Feed_that_is_started_while_the_host_stops_is_stopped_too()
    {
        TopicServer server = await StartAsync();
        server.Services.GetRequiredService<Microsoft.Extensions.Hosting.IHostApplicationLifetime>().StopApplication();
        Task<RecordedStreamEnd> run = server.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed);
        Assert.Equal(RecordedStreamEnd.HostStopped, await run.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Start_after_the_host_has_stopped_ends()
    {
        TopicServer server = await StartAsync();
        IRecordedStreams streams = server.Services.GetRequiredService<IRecordedStreams>();
        await server.StopAsync();
        Task run = Task.Run(() => streams.Start("x", Feed), TestContext.Current.CancellationToken);
        await Task.WhenAny(run, Task.Delay(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken));
        Assert.True(run.IsCompleted);
    }

    [Theory]
    [InlineData(40 << 20, 'x')]
    [InlineData(6 << 20, '\u0001')]
    public async Task Feed_whose_event_is_too_large_ends_in_the_log_too(int length, char character)
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        Say(new string(character, length));
        _words.Writer.Complete();
        RecordedStreamEnd end = await one.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Failed, end);
        Recording? recording = await two.Services.GetRequiredService<RecordedStreams>().FindAsync("x", new RecordedStreamOptions());
        Assert.Equal(RecordedStreamEnd.Failed, recording?.End);
    }

    [Fact]
    public async Task Half_a_surrogate_pair_does_not_end_the_recording()
    {
        TopicServer one = await StartAsync();
        Say("a\ud83d");
        Say("\ude00b");
        _words.Writer.Complete();
        RecordedStreamEnd end = await one.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Completed, end);
        TopicServer two = await StartAsync();
        using TopicClient replay = await two.OpenAsync("run/x");
        Assert.EndsWith("-2\n\n", await replay.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_of_a_stream_that_ended_without_an_event_is_told_to_stay_away()
    {
        TopicServer one = await StartAsync();
        _words.Writer.Complete();
        await one.Services.GetRequiredService<IRecordedStreams>().Start("x", Feed).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(one, "run/x", null));
    }

    [Fact]
    public async Task Stop_of_a_name_that_does_not_run_does_not_stop_a_later_start()
    {
        TopicServer one = await StartAsync();
        TopicServer two = await StartAsync();
        Say("a");
        using TopicClient other = await PostAsync(one, "x"); // The hub follows the log.
        await other.FrameAsync();
        await other.FrameAsync();
        await Task.Delay(300, TestContext.Current.CancellationToken);
        _log.OnRead = async (_, read) =>
        {
            await Task.Delay(500, TestContext.Current.CancellationToken); // As a poll of a storage account.
            return await read();
        };
        await two.Services.GetRequiredService<IRecordedStreams>().StopAsync("race/1", TestContext.Current.CancellationToken);
        RecordedStreamEnd end = await one.Services.GetRequiredService<IRecordedStreams>().Start("race/1", Slow)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Completed, end);

        static async IAsyncEnumerable<SseItem<string>> Slow(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Delay(3000, cancellationToken);
            yield return new SseItem<string>("word");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _words.Writer.TryComplete();
        foreach (TopicServer server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    private void Say(string word, string? type = null) => Assert.True(_words.Writer.TryWrite(new SseItem<string>(word, type)));

    private async IAsyncEnumerable<SseItem<string>> Feed(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _feeds);
        await foreach (SseItem<string> word in _words.Reader.ReadAllAsync(cancellationToken))
        {
            yield return word;
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> Quick(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (int number = 0; number < 5; number++)
        {
            await Task.Yield();
            yield return new SseItem<string>($"{number}");
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> Stubborn(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Delay(TimeSpan.FromMinutes(1), CancellationToken.None);
        yield break;
    }

    private async Task<TopicServer> StartAsync(params (string, string)[] settings)
    {
        var options = new RecordedStreamOptions { Closing = end => [new SseItem<string>($"{end}", "broken")] };
        TopicServer server = await TopicServer.StartAsync(
            settings,
            add: services => services.AddKeyedSingleton<IEventLog>(typeof(RecordingLog), new InstanceLog(_log)),
            use: app =>
            {
                app.MapMethods("/run/{*name}", ["GET", "HEAD"], (string name) => new RecordedStreamResult(name, options: options));
                app.MapPost("/run/{*name}", (string name) => new RecordedStreamResult(
                    name, name == "stubborn" ? Stubborn : name.StartsWith("race/", StringComparison.Ordinal) ? Quick : Feed, options: options));
                app.MapGet("/plain/{*name}", (string name) => new RecordedStreamResult(
                    name, options: new RecordedStreamOptions { AfterEnd = AfterEnd.NoContent, HasIds = false }));
            });
        _servers.Add(server);
        return server;
    }

    private static async Task<TopicClient> PostAsync(TopicServer server, string name)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"run/{name}");
        HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return new TopicClient(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    // A client of the start that came second is cut, and comes back.
    private static async Task<string> WholeAsync(TopicServer server, string name)
    {
        for (int tries = 0; ; tries++)
        {
            using TopicClient client = await server.OpenAsync($"run/{name}");
            try
            {
                return await client.RestAsync();
            }
            catch (IOException) when (tries < 5)
            {
            }
        }
    }

    private static async Task<HttpStatusCode> StatusAsync(TopicServer server, string path, string? lastEventId)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        using HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
