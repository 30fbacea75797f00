using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.Extensions.DependencyInjection;
using System.Net;
using FuncSse.Endpoints;
using Microsoft.AspNetCore.Builder;

namespace FuncSse.Tests.Topics;

/// <summary>Recorded streams on the logs that several processes share.</summary>
public sealed class RecordingStoreTests(Azurite azurite, Redis redis) : IClassFixture<Azurite>, IClassFixture<Redis>
{
    [Theory]
    [InlineData("redis")]
    [InlineData("storage")]
    public async Task Answer_is_followed_stopped_and_read_again_on_any_instance(string log)
    {
        string name = $"t{Guid.NewGuid():N}";
        await using TopicServer one = await StartAsync(log, name, 50);
        await using TopicServer two = await StartAsync(log, name, 50);
        Task<string> started = PostAsync(one, "answers/a");
        await Eventually.TrueAsync(async () => (await two.HeadAsync("answers/a")).StatusCode == HttpStatusCode.OK);
        using TopicClient first = await two.OpenAsync("answers/a");
        await first.FrameAsync();
        string[] seen = [await first.FrameAsync(), await first.FrameAsync(), await first.FrameAsync()];
        using TopicClient back = await two.OpenAsync("answers/a", ("Last-Event-ID", SubscriptionReader.Id(seen[1])));
        await back.FrameAsync();
        Assert.Equal(seen[2], await back.FrameAsync());
        string whole = await started.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(whole, $":\n\n{string.Concat(seen)}{await first.RestAsync()}");
        Assert.EndsWith(await back.RestAsync(), whole, StringComparison.Ordinal);
        await using TopicServer three = await StartAsync(log, name, 50);
        using TopicClient replay = await three.OpenAsync("answers/a");
        Assert.Equal(whole, await replay.RestAsync());
        using HttpResponseMessage again = await three.Client.PostAsync("answers/a", new StringContent("x"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);

        Task<string> stopped = PostAsync(one, "answers/b");
        await Eventually.TrueAsync(async () => (await two.HeadAsync("answers/b")).StatusCode == HttpStatusCode.OK);
        using HttpResponseMessage stop = await two.Client.DeleteAsync("answers/b", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, stop.StatusCode);
        await Assert.ThrowsAnyAsync<Exception>(() => stopped.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
        using TopicClient cut = await three.OpenAsync("answers/b");
        string frame;
        while (!(frame = await cut.FrameAsync()).StartsWith("event: broken\ndata: Stopped\n", StringComparison.Ordinal))
        {
            Assert.NotEqual("\n", frame);
        }
    }

    [Theory]
    [InlineData("redis")]
    [InlineData("storage")]
    [InlineData("memory")]
    public async Task Answer_of_nearly_the_largest_size_is_read_by_every_instance(string log)
    {
        string name = $"t{Guid.NewGuid():N}";
        await using TopicServer one = await StartAsync(log, name, 50);
        RecordedStreamEnd end = await one.Services.GetRequiredService<IRecordedStreams>().Start("x", Large)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(RecordedStreamEnd.Completed, end);
        await using TopicServer two = log == "memory" ? one : await StartAsync(log, name, 50);
        Recording? replay = await two.Services.GetRequiredService<RecordedStreams>().FindAsync("x", new RecordedStreamOptions());
        Assert.Equal((100, RecordedStreamEnd.Completed), (replay!.Count, replay.End));
        Assert.All(replay.Take(0).Events, one => Assert.Equal(80_000, one.Data.Length));

        static async IAsyncEnumerable<SseItem<string>> Large(string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            for (int number = 0; number < 100; number++)
            {
                await Task.Yield();
                yield return new SseItem<string>(new string('"', 80_000));
            }
        }
    }

    [Theory]
    [InlineData("redis")]
    [InlineData("storage")]
    [InlineData("memory")]
    public async Task Page_that_goes_on_from_the_position_of_the_values_misses_nothing(string log)
    {
        string name = $"t{Guid.NewGuid():N}";
        await using TopicServer one = await StartAsync(log, name, 50);
        await using TopicServer two = log == "memory" ? one : await StartAsync(log, name, 50);
        TopicServer[] servers = [one, two];
        using var stop = new CancellationTokenSource();
        Task[] publishers = [.. servers.SelectMany((server, index) => Enumerable.Range(0, 3).Select(own => Task.Run(async () =>
        {
            for (int number = 1; !stop.IsCancellationRequested; number++)
            {
                await server.PublishAsync($"s/{index}.{own}", $"{number}", retain: true);
            }
        })))];
        for (int round = 0; round < 40; round++)
        {
            string address = $"topics/s/*";
            using JsonDocument answer = JsonDocument.Parse(await servers[round % 2].Client.GetStringAsync($"{address}?values=true", TestContext.Current.CancellationToken));
            Dictionary<string, int> seen = answer.RootElement.GetProperty("values").EnumerateArray()
                .ToDictionary(one => one.GetProperty("topic").GetString()!, one => int.Parse(one.GetProperty("data").GetString()!));
            using TopicClient stream = await servers[(round / 2) % 2].OpenAsync($"{address}?envelope=json&lastEventId={answer.RootElement.GetProperty("position").GetString()}");
            for (int frames = 0; frames < 60; frames++)
            {
                string frame = await stream.FrameAsync();
                Assert.DoesNotContain("event: reset", frame, StringComparison.Ordinal);
                if (!frame.StartsWith("data: {\"id\"", StringComparison.Ordinal))
                {
                    continue;
                }

                using JsonDocument envelope = JsonDocument.Parse(frame["data: ".Length..frame.IndexOf('\n', StringComparison.Ordinal)]);
                string topic = envelope.RootElement.GetProperty("topic").GetString()!;
                int number = int.Parse(envelope.RootElement.GetProperty("data").GetString()!);
                int known = seen.GetValueOrDefault(topic);
                Assert.True(number <= known + 1, $"{log} round {round}: {topic} went from {known} to {number}");
                seen[topic] = Math.Max(number, known);
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(publishers);
    }

    [Theory]
    [InlineData("redis")]
    [InlineData("storage")]
    public async Task Two_instances_that_start_a_name_at_once_agree(string log)
    {
        string name = $"t{Guid.NewGuid():N}";
        await using TopicServer one = await StartAsync(log, name, 1000);
        await using TopicServer two = await StartAsync(log, name, 1000);
        for (int round = 0; round < 5; round++)
        {
            Task[] starts = [PostAsync(one, $"answers/{round}"), PostAsync(two, $"answers/{round}")];
            // The client of the second start is cut.
            await Task.WhenAny(Task.WhenAll(starts)).WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            Assert.Equal(await WholeAsync(one, round), await WholeAsync(two, round));
        }

        async Task<string> WholeAsync(TopicServer server, int round)
        {
            using TopicClient client = await server.OpenAsync($"answers/{round}");
            return await client.RestAsync();
        }
    }

    private async Task<TopicServer> StartAsync(string log, string name, int pace) => await TopicServer.StartAsync(
        [
            ("Topics:Log", log),
            ("Topics:Name", name),
            ("Topics:Redis", redis.Server.Configuration),
            ("AzureWebJobsStorage", azurite.ConnectionString),
            ("Answers:TokensPerSecond", $"{pace}"),
        ],
        use: app => app.MapMethods("/answers/{*name}", ["GET", "HEAD", "POST", "DELETE"], (string? name) => new AnswerResult(name)));

    private static async Task<string> PostAsync(TopicServer server, string path)
    {
        using HttpResponseMessage response = await server.Client.PostAsync(path, new StringContent("Why?"), TestContext.Current.CancellationToken);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }
}
