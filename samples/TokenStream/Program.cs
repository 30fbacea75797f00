using FuncSse.Streaming;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using TokenStream;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.AddServerSentEvents(builder.Configuration.GetSection("Sse"));
builder.Services.AddSingleton(Models.Create(builder.Configuration));
builder.Build().Run();
