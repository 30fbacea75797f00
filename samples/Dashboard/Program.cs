using FuncSse.Streaming;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.Configure<SseOptions>(options => options.MaxDuration = TimeSpan.FromMinutes(29)); // host.json's functionTimeout is 30.
builder.Services.AddServerSentEvents(builder.Configuration.GetSection("Sse"));
builder.Services.AddTopics(builder.Configuration.GetSection("Topics"));
builder.Services.AddAzureStorageEventLog(builder.Configuration);
builder.Build().Run();
