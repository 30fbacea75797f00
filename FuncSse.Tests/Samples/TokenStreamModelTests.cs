using System.Diagnostics;
using System.Text.Json;
using FuncSse.Tests.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using TokenStream;
using static FuncSse.Tests.Samples.TokenStreamTests;

namespace FuncSse.Tests.Samples;

/// <summary>The models of the sample that streams a model's answer.</summary>
public sealed class TokenStreamModelTests
{
    [Theory]
    [InlineData("")]
    [InlineData("""data: {"error":{"message":"The model is overloaded.","type":"server_error","code":"overloaded"}}""" + "\n\n")]
    public async Task Stream_of_the_model_that_breaks_or_carries_an_error_does_not_look_like_the_end(string last)
    {
        await using FeedServer openAi = await FeedServer.StartAsync(async http =>
        {
            FeedServer.Open(http);
            await http.Response.WriteAsync(
                """data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Because"}}]}"""
                + "\n\n" + last);
        });
        using IChatClient model = Models.Create(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Model:Endpoint"] = $"{openAi.Address}/openai/v1/",
            ["Model:Name"] = "gpt",
            ["Model:Key"] = "secret",
        }).Build());
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answers/a", "Why?");
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

    [Fact]
    public async Task Local_model_says_a_word_at_each_step_of_its_pace()
    {
        var time = new ManualTimeProvider();
        using var model = new LocalModel(time);
        CancellationToken end = TestContext.Current.CancellationToken;
        await using IAsyncEnumerator<ChatResponseUpdate> words =
            model.GetStreamingResponseAsync("one  two", cancellationToken: end).GetAsyncEnumerator(end);
        var said = new List<string>();
        while (true)
        {
            Task<bool> next = words.MoveNextAsync().AsTask();
            if (next.IsCompleted)
            {
                break;
            }

            time.Advance(LocalModel.Pace);
            Assert.True(await next.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken));
            said.Add(words.Current.Text);
        }

        Assert.Equal(["You ", "said: ", "one ", " ", "two\n\nThis "], said.Take(5));
        Assert.EndsWith("same way.", string.Concat(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_choose_a_server_that_speaks_the_protocol_of_OpenAI()
    {
        await Eventually.WithinASecondAsync(async () =>
        {
            var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var asked = new TaskCompletionSource<(string Path, string? Key, JsonElement Body)>(TaskCreationOptions.RunContinuationsAsynchronously);
            await using FeedServer openAi = await FeedServer.StartAsync(async http =>
            {
                using JsonDocument body = await JsonDocument.ParseAsync(http.Request.Body);
                asked.SetResult((http.Request.Path, http.Request.Headers.Authorization, body.RootElement.Clone()));
                http.RequestAborted.Register(left.SetResult);
                FeedServer.Open(http);
                foreach (string word in (string[])["Because", " of"])
                {
                    string choice = $$$"""{"index":0,"delta":{"content":"{{{word}}}"}}""";
                    await http.Response.WriteAsync(
                        $$"""data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{choice}}]}""" + "\n\n");
                }

                await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            });
            IConfiguration settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Model:Endpoint"] = $"{openAi.Address}/openai/v1/",
                ["Model:Name"] = "gpt",
                ["Model:Key"] = "secret",
            }).Build();
            using IChatClient model = Models.Create(settings);
            await using SampleServer server = await StartAsync(model);
            TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answers/a", "Why?");
            await answer.FrameAsync();
            Assert.StartsWith("data: Because\n", await answer.FrameAsync(), StringComparison.Ordinal);
            Assert.StartsWith("data:  of\n", await answer.FrameAsync(), StringComparison.Ordinal);
            (string path, string? key, JsonElement request) = await asked.Task.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            Assert.Equal("/feed/openai/v1/chat/completions", path);
            Assert.Equal("Bearer secret", key);
            Assert.Equal("gpt", request.GetProperty("model").GetString());
            Assert.True(request.GetProperty("stream").GetBoolean());
            Assert.Contains("Why?", request.GetProperty("messages").GetRawText(), StringComparison.Ordinal);

            long began = Stopwatch.GetTimestamp();
            answer.Dispose();
            using HttpResponseMessage stop = await server.SendAsync(HttpMethod.Delete, "answers/a");
            await left.Task.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            return Stopwatch.GetElapsedTime(began);
        });
    }

    [Fact]
    public void Without_an_endpoint_the_local_model_answers()
    {
        using IChatClient model = Models.Create(new ConfigurationBuilder().Build());
        Assert.IsType<LocalModel>(model);
    }
}
