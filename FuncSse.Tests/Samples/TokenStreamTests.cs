using System.Diagnostics;
using System.Net;
using System.Text.Json;
using FuncSse.Streaming;
using FuncSse.Tests.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using TokenStream;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that streams a model's answer.</summary>
public sealed class TokenStreamTests(Browser browser) : IClassFixture<Browser>
{
    private const string Done = "event: done\ndata: stop\n\n";

    [Fact]
    public async Task Words_come_one_by_one_and_then_the_end()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answer", "Why?");
        Assert.Equal(":\n\n", await answer.FrameAsync());
        foreach (string word in (string[])["Because", " of", " the", " light."])
        {
            model.Say(word); // The next one is not said before this one has arrived.
            Assert.Equal($"data: {word}\n\n", await answer.FrameAsync());
        }

        model.Say("");
        model.Say("\nReally.");
        model.End();
        Assert.Equal($"data: \ndata: Really.\n\n{Done}", await answer.RestAsync());
        Assert.Equal("Why?", model.Prompt);
    }

    [Fact]
    public async Task Client_that_leaves_stops_the_model_within_a_second()
    {
        await Eventually.WithinASecondAsync(async () =>
        {
            using var model = new ScriptedModel();
            await using SampleServer server = await StartAsync(model);
            TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answer", "Why?");
            model.Say("Because");
            await answer.FrameAsync();
            await answer.FrameAsync();
            long began = Stopwatch.GetTimestamp();
            answer.Dispose();
            await model.Stopped.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            return Stopwatch.GetElapsedTime(began);
        });
    }

    [Fact]
    public async Task Model_that_fails_does_not_look_like_the_end()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answer", "Why?");
        model.Say("Because");
        model.End(new InvalidOperationException("The model is away."));
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

    [Fact]
    public async Task Answer_without_a_reason_to_finish_does_not_look_like_the_end()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answer", "Why?");
        model.Say("Because");
        model.End(isComplete: false);
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

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
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answer", "Why?");
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16 * 1024 + 1)]
    public async Task Prompt_has_a_size(int size)
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "answer", new string('a', size));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Null(model.Prompt);
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
            TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answer", "Why?");
            await answer.FrameAsync();
            Assert.Equal("data: Because\n\n", await answer.FrameAsync());
            Assert.Equal("data:  of\n\n", await answer.FrameAsync());
            (string path, string? key, JsonElement request) = await asked.Task.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            Assert.Equal("/feed/openai/v1/chat/completions", path);
            Assert.Equal("Bearer secret", key);
            Assert.Equal("gpt", request.GetProperty("model").GetString());
            Assert.True(request.GetProperty("stream").GetBoolean());
            Assert.Contains("Why?", request.GetProperty("messages").GetRawText(), StringComparison.Ordinal);

            long began = Stopwatch.GetTimestamp();
            answer.Dispose();
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

    [Fact]
    public async Task Page_shows_the_words_as_they_come()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        IPage page = await AskAsync(server);
        foreach (string text in (string[])["Because", "Because of", "Because of <b>light</b>"])
        {
            model.Say(text[(text.LastIndexOf(' ') + 1)..], " ");
            await Expect(page.Locator("#answer")).ToHaveTextAsync(text);
        }

        await Expect(page.Locator("#state")).ToHaveTextAsync("The model answers.");
        model.End();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Done.");
        await Expect(page.Locator("#ask")).ToBeEnabledAsync();
        Assert.Equal("Why is the sky blue?", model.Prompt);
    }

    [Fact]
    public async Task Stop_stops_the_model_within_a_second()
    {
        await Eventually.WithinASecondAsync(async () =>
        {
            using var model = new ScriptedModel();
            await using SampleServer server = await StartAsync(model);
            IPage page = await AskAsync(server);
            model.Say("Because");
            await Expect(page.Locator("#answer")).ToHaveTextAsync("Because");
            await page.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
            long began = Stopwatch.GetTimestamp();
            await model.Stopped.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            TimeSpan time = Stopwatch.GetElapsedTime(began);
            await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped.");
            await Expect(page.Locator("#answer")).ToHaveTextAsync("Because");
            return time;
        });
    }

    [Fact]
    public async Task Page_tells_an_answer_that_broke_off()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        IPage page = await AskAsync(server);
        model.Say("Because");
        model.End(new InvalidOperationException("The model is away."));
        await Expect(page.Locator("#state")).ToContainTextAsync("The answer broke off");
    }

    private static Task<SampleServer> StartAsync(IChatClient model) => SampleServer.StartAsync(
        typeof(AnswerFunction), (services, _) => services.AddServerSentEvents().AddSingleton(model));

    private async Task<IPage> AskAsync(SampleServer server)
    {
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{server.Client.BaseAddress}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask" }).ClickAsync();
        return page;
    }
}
