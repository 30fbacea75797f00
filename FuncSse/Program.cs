using FuncSse;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();

// The worker's own line, scope and activity for each request repeat those of the function, and are kept as long as the stream: a
// twentieth of what it holds.
builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
builder.Services.AddAzureSettings(builder.Configuration);
var timeout = new FunctionTimeout(builder.Configuration, Path.Combine(AppContext.BaseDirectory, "host.json"));
builder.Services.AddSingleton<IConfigureOptions<SseOptions>>(timeout); // It comes before the app's settings, which replace this default.
builder.Services.AddEndpoints(builder.Configuration);
builder.Services.AddSingleton<IValidateOptions<SseOptions>>(timeout);
builder.Services.AddSingleton<IValidateOptions<AnswerOptions>>(timeout);

using IHost app = builder.Build();
if (!app.Services.CheckOptions(Console.Error))
{
    return 1;
}

app.Run();

// The Functions host replaces a worker that was told to stop from outside only if it says so: it takes 0 for an end that needs no
// successor, and lets all further requests wait. 200 is its IntentionalRestartExitCode; when the host itself stops it has no effect.
return 200;
