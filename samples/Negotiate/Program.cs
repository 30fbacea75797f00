using FuncSse.Streaming;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Negotiate.Rules;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.Configure<SseOptions>(options => options.MaxDuration = TimeSpan.FromMinutes(29)); // host.json's functionTimeout is 30.
builder.Services.AddServerSentEvents(builder.Configuration.GetSection("Sse"));
builder.Services.AddTopics(builder.Configuration.GetSection("Topics"));
builder.Services.AddAzureStorageEventLog(builder.Configuration);

// A rule can let signed-in users in without a ticket. Keep the one that fits.
switch (builder.Configuration["Rule"])
{
    case "appservice":
        builder.Services.AddAppServiceTopics();
        break;
    case "entra":
        builder.Services.AddEntraTopics();
        break;
    case "cookie":
        builder.Services.AddCookieTopics();
        break;
    case null or "":
        break;
    case { } rule:
        throw new InvalidOperationException($"Rule is '{rule}'; it must be appservice, entra, cookie, or none.");
}

builder.Build().Run();
