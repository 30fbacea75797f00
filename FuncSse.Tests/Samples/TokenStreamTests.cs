using System.Diagnostics;
using System.Net;
using FuncSse.Streaming;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using TokenStream;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that streams a model's answer.</summary>
public sealed class TokenStreamTests
{
    [Fact]
    public async Task Words_come_one_by_one_and_then_the_end()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answers/a", "Why?");
        Assert.Equal(":\n\n", await answer.FrameAsync());
        string run = "";
        foreach ((int number, string word) in ((string[])["Because", " of", " the", " light."]).Index())
        {
            model.Say(word); // The next one is not said before this one has arrived.
            string frame = await answer.FrameAsync();
            run = number == 0 ? SubscriptionReader.Id(frame)[..^1] : run;
            Assert.Equal($"data: {word}\nid: {run}{number + 1}\n\n", frame);
        }

        model.Say("");
        model.Say("\nReally.");
        model.End();
        Assert.Equal($"data: \ndata: Really.\nid: {run}5\n\nevent: done\ndata: stop\nid: {run}6\n\n", await answer.RestAsync());
        Assert.Equal("Why?", model.Prompt);
    }

    [Fact]
    public async Task Answer_goes_on_without_its_client_and_another_instance_follows_and_stops_it()
    {
        var log = new MemoryEventLog(RecordingLog.OptionsOf(new TopicOptions()), TimeProvider.System);
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model, log);
        await using SampleServer other = await StartAsync(model, log);
        string first;
        using (TopicClient left = await server.OpenAsync(HttpMethod.Post, "answers/a", "Why?"))
        {
            model.Say("Because");
            await left.FrameAsync();
            first = await left.FrameAsync();
        }

        model.Say(" of");
        using TopicClient answer = await other.OpenAsync(HttpMethod.Get, "answers/a");
        Assert.Equal(":\n\n", await answer.FrameAsync());
        Assert.Equal(first, await answer.FrameAsync());
        Assert.StartsWith("data:  of\n", await answer.FrameAsync(), StringComparison.Ordinal);
        long began = Stopwatch.GetTimestamp();
        using HttpResponseMessage stop = await other.SendAsync(HttpMethod.Delete, "answers/a");
        Assert.Equal(HttpStatusCode.NoContent, stop.StatusCode);
        await model.Stopped.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.StartsWith("event: broken\ndata: Stopped\n", await answer.FrameAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

    [Fact]
    public async Task Page_of_the_AI_SDK_gets_its_own_format()
    {
        const string Path = "answers/a?format=ui";
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        foreach (string wrong in (string[])["Why?", "{}", """{"messages":[]}""", "null", """{"messages":[{"parts":1}]}"""])
        {
            using HttpResponseMessage refused = await server.SendAsync(HttpMethod.Post, Path, wrong);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }

        model.Say("Because");
        using HttpResponseMessage response = await server.SendAsync(
            HttpMethod.Post, Path, """{"id":"1","messages":[{"parts":[]},{"id":"2","role":"user","parts":[{"type":"text","text":"Why?"}]}]}""");
        Assert.Equal("v1", response.Headers.GetValues("x-vercel-ai-ui-message-stream").Single());
        using TopicClient second = await server.OpenAsync(HttpMethod.Get, Path);
        model.End();
        string whole = await second.RestAsync();
        Assert.Equal(
            ":\n\n" + string.Concat(((string[])
            [
                """{"type":"start","messageId":"a"}""", """{"type":"text-start","id":"0"}""", """{"type":"text-delta","id":"0","delta":"Because"}""",
                """{"type":"text-end","id":"0"}""", """{"type":"finish"}""", "[DONE]",
            ]).Select(part => $"data: {part}\n\n")),
            whole);
        Assert.Equal(whole, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("Why?", model.Prompt);
        using HttpResponseMessage over = await server.SendAsync(HttpMethod.Get, Path);
        Assert.Equal(HttpStatusCode.NoContent, over.StatusCode);
    }

    [Fact]
    public async Task Model_that_fails_does_not_look_like_the_end()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answers/a", "Why?");
        model.Say("Because");
        model.End(new InvalidOperationException("The model is away."));
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

    [Fact]
    public async Task Answer_without_a_reason_to_finish_does_not_look_like_the_end()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient answer = await server.OpenAsync(HttpMethod.Post, "answers/a", "Why?");
        model.Say("Because");
        model.End(isComplete: false);
        await Assert.ThrowsAnyAsync<IOException>(answer.RestAsync);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16 * 1024 + 1)]
    public async Task Prompt_has_a_size(int size)
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "answers/a", new string('a', size));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Null(model.Prompt);
    }

    internal static Task<SampleServer> StartAsync(IChatClient model, IEventLog? log = null) => SampleServer.StartAsync(
        typeof(AnswerFunctions),
        (services, _) =>
        {
            services.AddServerSentEvents().AddTopics().AddSingleton(model);
            if (log is not null)
            {
                services.AddKeyedSingleton<IEventLog>(typeof(RecordingLog), new InstanceLog(log));
            }
        });
}
