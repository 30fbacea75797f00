using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests.Clients;

/// <summary>
/// Answers that cannot be resumed, in the formats that AI clients read: the numbers from 1 to 5, with a silence in which keep-alives come,
/// or an answer that breaks after 3.
/// </summary>
internal static class Answers
{
    private static readonly SseStreamOptions s_options =
        new() { IsResumable = false, KeepAlive = TimeSpan.FromMilliseconds(50), AllowedOrigins = ["*"] };

    public static async Task<WebApplication> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddServerSentEvents().ConfigureServerForStreams();
        WebApplication app = builder.Build();
        app.MapMethods("/{format}/{end}/{**rest}", ["POST", "OPTIONS"], (string format, string end) =>
            new SseStreamResult<string>((_, cancellationToken) => ReadAsync(format, end, cancellationToken), options: s_options));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        string format, string end, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (string[] first, Func<int, string> part, string[] last) = Format(format);
        foreach (string data in first)
        {
            yield return new SseItem<string>(data);
        }

        for (int number = 1; number <= 5; number++)
        {
            yield return new SseItem<string>(part(number));
            if (number == 3)
            {
                await Task.Delay(300, cancellationToken); // Some keep-alives come.
                if (end == "broken")
                {
                    throw new InvalidOperationException("The model is away.");
                }
            }
        }

        foreach (string data in last)
        {
            yield return new SseItem<string>(data);
        }
    }

    private static (string[] First, Func<int, string> Part, string[] Last) Format(string format) => format switch
    {
        "openai" => (
            [Chunk("""{"role":"assistant","content":""}""", "null")],
            number => Chunk($$"""{"content":"{{number}}"}""", "null"),
            [Chunk("{}", "\"stop\""), "[DONE]"]),
        "ai" => (
            ["""{"type":"start"}""", """{"type":"text-start","id":"0"}"""],
            number => $$"""{"type":"text-delta","id":"0","delta":"{{number}}"}""",
            ["""{"type":"text-end","id":"0"}""", """{"type":"finish"}""", "[DONE]"]),
        "ag-ui" => (
            ["""{"type":"RUN_STARTED","threadId":"1","runId":"1"}""", """{"type":"TEXT_MESSAGE_START","messageId":"2","role":"assistant"}"""],
            number => $$"""{"type":"TEXT_MESSAGE_CONTENT","messageId":"2","delta":"{{number}}"}""",
            ["""{"type":"TEXT_MESSAGE_END","messageId":"2"}""", """{"type":"RUN_FINISHED","threadId":"1","runId":"1"}"""]),
        _ => ([], number => $"{number}", []),
    };

    private static string Chunk(string delta, string reason) =>
        $$"""{"id":"1","object":"chat.completion.chunk","created":1,"model":"none","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{reason}}}]}""";
}
