#!/usr/bin/env bash
# OpenAI's .NET library on answers that begin well: one is whole, one ends early, and one goes on with an error object, as gateways send it.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
cat > Program.cs <<'EOF'
using System.ClientModel;
using OpenAI;
using OpenAI.Chat;

const string Begin = """data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}""" + "\n\n";
const string End = """data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""" + "\n\ndata: [DONE]\n\n";
const string Error = """data: {"error":{"message":"The server is overloaded.","type":"server_error","code":null,"param":null}}""" + "\n\n";

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
var app = builder.Build();
string answer = "";
app.MapPost("/chat/completions", () => Results.Text(answer, "text/event-stream"));
await app.StartAsync();
var client = new ChatClient("m", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(app.Urls.First()) });
foreach ((string name, string body) in new[] { ("whole", Begin + End), ("ends early", Begin), ("error object", Begin + Error) })
{
    answer = body;
    string text = "";
    ChatFinishReason? reason = null;
    string end = "no exception";
    try
    {
        await foreach (StreamingChatCompletionUpdate update in client.CompleteChatStreamingAsync("Hi"))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            reason = update.FinishReason ?? reason;
        }
    }
    catch (Exception exception)
    {
        end = exception.GetType().Name;
    }

    Console.WriteLine($"{name}: '{text}', {end}, FinishReason {reason?.ToString() ?? "null"}");
}
EOF
dotnet_program Microsoft.NET.Sdk.Web OpenAI 2.15.0
expect "whole: 'Hello', no exception, FinishReason Stop
ends early: 'Hello', no exception, FinishReason null
error object: 'Hello', no exception, FinishReason null" "$(dotnet out/finding.dll)"
