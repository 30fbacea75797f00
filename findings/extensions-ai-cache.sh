#!/usr/bin/env bash
# Microsoft.Extensions.AI with its cache, asked twice, where the server's first answer ends early and its second one would be whole.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
cat > Program.cs <<'EOF'
using System.ClientModel;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using OpenAI;
using OpenAI.Chat;

const string Begin = """data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"The sky"},"finish_reason":null}]}""" + "\n\n";
const string End = """data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" is blue"},"finish_reason":"stop"}]}""" + "\n\ndata: [DONE]\n\n";

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
var app = builder.Build();
int requests = 0;
app.MapPost("/chat/completions", () => Results.Text(++requests == 1 ? Begin : Begin + End, "text/event-stream"));
await app.StartAsync();
var model = new ChatClient("m", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(app.Urls.First()) }).AsIChatClient();
var cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
using IChatClient cached = new ChatClientBuilder(model).UseDistributedCache(cache).Build();
for (int question = 1; question <= 2; question++)
{
    ChatResponse answer = await cached.GetStreamingResponseAsync("Why is the sky blue?").ToChatResponseAsync();
    Console.WriteLine($"question {question}: '{answer.Text}', FinishReason {answer.FinishReason?.Value ?? "null"}, {requests} request to the server");
}
EOF
dotnet_program Microsoft.NET.Sdk.Web Microsoft.Extensions.AI 10.11.0 Microsoft.Extensions.AI.OpenAI 10.11.0
expect "question 1: 'The sky', FinishReason null, 1 request to the server
question 2: 'The sky', FinishReason null, 1 request to the server" "$(dotnet out/finding.dll)"
