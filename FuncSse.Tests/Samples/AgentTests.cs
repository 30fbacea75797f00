using System.Net;
using System.Text.Json;
using Agent;
using FuncSse.Streaming;
using FuncSse.Tests.Clients;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that runs an agent for clients of AG-UI.</summary>
public sealed class AgentTests
{
    private const string Input = """{"threadId":"t","runId":"1","state":{},"messages":[{"id":"1","role":"user","content":"Weather?"}],"tools":[],"context":[]}""";
    private const string Answer = "I have looked: It is sunny in Oslo. Reload the page now, and this answer goes on where it was. ";

    [Fact]
    public async Task Run_calls_a_tool_and_answers_and_is_the_same_for_a_second_client()
    {
        using var model = new LocalModel(TimeProvider.System);
        await using SampleServer server = await StartAsync(model);
        using TopicClient first = await server.OpenAsync(HttpMethod.Post, "agent", Input);
        using TopicClient second = await server.OpenAsync(HttpMethod.Get, "agent/1");
        string whole = await first.RestAsync();
        Assert.Equal(whole, await second.RestAsync());
        JsonElement[] events = Events(whole);
        Assert.Equal(
            ["RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"],
            events[..7].Select(Type));
        Assert.Equal("""{"city":"Oslo"}""", events[2].GetProperty("delta").GetString());
        Assert.Equal("It is sunny in Oslo.", events[4].GetProperty("content").GetString());
        Assert.Equal(["TEXT_MESSAGE_END", "RUN_FINISHED"], events[^2..].Select(Type));
        Assert.Equal(Answer, string.Concat(events[6..^2].Select(one => one.GetProperty("delta").GetString())));
        using HttpResponseMessage again = await server.SendAsync(HttpMethod.Post, "agent", Input);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
    }

    [Fact]
    public async Task Client_of_AG_UI_reads_it_and_reads_it_again_after_a_reload()
    {
        using var model = new LocalModel(TimeProvider.System);
        await using SampleServer server = await StartAsync(model);
        foreach ((string adapter, string path) in ((string, string)[])[("ag-ui start", "/agent"), ("ag-ui follow", "/agent/1")])
        {
            using var relay = new Relay(server.Port, seed: 1, Spared.Nothing);
            var run = new ClientRun(new Clients.Client("@ag-ui/client", Place.Node, adapter), relay, path);
            await using ClientServer clients = await ClientServer.StartAsync([run]);
            await Eventually.TrueAsync(() => run.End is not null);
            Assert.Equal(("ended", Answer, 1), (run.End, run.Text, relay.Requests));
        }
    }

    [Fact]
    public async Task Stop_ends_the_run_with_an_error()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient run = await server.OpenAsync(HttpMethod.Post, "agent", Input);
        model.Say("I");
        for (int frame = 0; frame < 4; frame++)
        {
            await run.FrameAsync();
        }

        using HttpResponseMessage stop = await server.SendAsync(HttpMethod.Delete, "agent/1");
        Assert.Equal(HttpStatusCode.NoContent, stop.StatusCode);
        await model.Stopped.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        Assert.StartsWith(
            """data: {"type":"RUN_ERROR","message":"The run broke off: Stopped.","code":"Stopped"}""", await run.FrameAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(run.RestAsync);
    }

    [Fact]
    public async Task Model_that_breaks_off_ends_the_run_with_an_error()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using TopicClient run = await server.OpenAsync(HttpMethod.Post, "agent", Input);
        model.Say("I");
        model.End(isComplete: false);
        string frame;
        while (!(frame = await run.FrameAsync()).Contains("RUN_ERROR", StringComparison.Ordinal))
        {
            Assert.DoesNotContain("RUN_FINISHED", frame, StringComparison.Ordinal);
        }

        await Assert.ThrowsAnyAsync<IOException>(run.RestAsync);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Weather?")]
    [InlineData("null")]
    [InlineData("""{"threadId":"t","runId":"1","messages":[]}""")]
    [InlineData("""{"threadId":"t","runId":"$x","messages":[{"role":"user","content":"Weather?"}]}""")]
    [InlineData("""{"runId":"1","messages":[{"role":"user","content":"Weather?"}]}""")]
    public async Task What_is_no_input_is_refused(string input)
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        using HttpResponseMessage response = await server.SendAsync(HttpMethod.Post, "agent", input);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private static string? Type(JsonElement one) => one.GetProperty("type").GetString();

    private static JsonElement[] Events(string stream) => [.. stream.Split('\n')
        .Where(line => line.StartsWith("data: ", StringComparison.Ordinal))
        .Select(line => JsonElement.Parse(line["data: ".Length..]))];

    private static Task<SampleServer> StartAsync(IChatClient model) => SampleServer.StartAsync(
        typeof(AgentFunctions), (services, _) => services.AddServerSentEvents().AddTopics().AddSingleton(model));
}
