using FuncSse.Streaming;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SseApp;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.Configure<SseOptions>(options => options.MaxDuration = TimeSpan.FromMinutes(29)); // host.json's functionTimeout is 30.
builder.Services.AddStreams(builder.Configuration);
builder.Build().Run();
