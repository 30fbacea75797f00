using System.Net.ServerSentEvents;
using System.Text.Json;
using FuncSse.Endpoints;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Tests.Clients;

/// <summary>Two instances with one log, in this process, whose recorded answers have the formats of OpenAI and of AG-UI too.</summary>
internal sealed class RecordedServers(TopicServer one, TopicServer two) : IAsyncDisposable
{
    private static readonly RecordedStreamOptions s_openAi = Options(ToOpenAiAsync);
    private static readonly RecordedStreamOptions s_agUi = Options(ToAgUiAsync);

    public Uri One => one.Client.BaseAddress!;

    public Uri Two => two.Client.BaseAddress!;

    public static async Task<RecordedServers> StartAsync()
    {
        var log = new MemoryEventLog(RecordingLog.OptionsOf(new TopicOptions()), TimeProvider.System);
        return new RecordedServers(await StartAsync(log), await StartAsync(log));
    }

    public async ValueTask DisposeAsync()
    {
        await one.DisposeAsync();
        await two.DisposeAsync();
    }

    private static Task<TopicServer> StartAsync(MemoryEventLog log) => TopicServer.StartAsync(
        [("Answers:TokensPerSecond", "15")],
        add: services => services.AddKeyedSingleton<IEventLog>(typeof(RecordingLog), new InstanceLog(log)),
        use: app =>
        {
            app.MapMethods("/answers/{*name}", ["GET", "POST", "DELETE"], (string? name) => new AnswerResult(name));
            app.MapPost("/openai/{name}/{action}/chat/completions", (string name, string action, LocalAnswer model) =>
                Answer(name, action == "start" ? model : null, s_openAi));
            app.MapPost("/ag-ui/{name}", (string name, LocalAnswer model) => Answer(name, model, s_agUi));
            app.MapGet("/ag-ui/{name}", (string name) => Answer(name, null, s_agUi));
        });

    private static RecordedStreamResult Answer(string name, LocalAnswer? model, RecordedStreamOptions options) => new(
        $"answers/{name}", model is null ? null : (_, cancellationToken) => model.ReadAsync("Why?", cancellationToken), options: options);

    private static RecordedStreamOptions Options(Func<IAsyncEnumerable<SseItem<string>>, IAsyncEnumerable<SseItem<string>>> convert) =>
        new() { Closing = LocalAnswer.Close, HasIds = false, Convert = convert };

    private static async IAsyncEnumerable<SseItem<string>> ToOpenAiAsync(IAsyncEnumerable<SseItem<string>> events)
    {
        await foreach (SseItem<string> one in events)
        {
            if (one.EventType == LocalAnswer.Done)
            {
                yield return Chunk(new { }, "stop");
                yield return new SseItem<string>("[DONE]");
            }
            else if (one.EventType == LocalAnswer.Broken)
            {
                yield return Json(new { error = new { message = $"The answer broke off: {one.Data}.", type = "server_error" } });
            }
            else
            {
                yield return Chunk(new { content = one.Data }, null);
            }
        }

        static SseItem<string> Chunk(object delta, string? reason) => Json(new
        {
            id = "1",
            @object = "chat.completion.chunk",
            created = 1,
            model = "none",
            choices = new[] { new { index = 0, delta, finish_reason = reason } },
        });
    }

    private static async IAsyncEnumerable<SseItem<string>> ToAgUiAsync(IAsyncEnumerable<SseItem<string>> events)
    {
        yield return Json(new { type = "RUN_STARTED", threadId = "1", runId = "1" });
        yield return Json(new { type = "TEXT_MESSAGE_START", messageId = "2", role = "assistant" });
        await foreach (SseItem<string> one in events)
        {
            if (one.EventType == LocalAnswer.Done)
            {
                yield return Json(new { type = "TEXT_MESSAGE_END", messageId = "2" });
                yield return Json(new { type = "RUN_FINISHED", threadId = "1", runId = "1" });
            }
            else if (one.EventType == LocalAnswer.Broken)
            {
                yield return Json(new { type = "RUN_ERROR", message = $"The answer broke off: {one.Data}." });
            }
            else
            {
                yield return Json(new { type = "TEXT_MESSAGE_CONTENT", messageId = "2", delta = one.Data });
            }
        }
    }

    private static SseItem<string> Json(object value) => new(JsonSerializer.Serialize(value));
}
