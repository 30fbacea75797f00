using FuncSse.Streaming;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();

// The worker's own line, scope and activity for a request, beside those of the function: kept as long as the stream, they are a twentieth
// of what it holds.
builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
try
{
    builder.Services.AddServerSentEvents(builder.Configuration);
}
catch (OptionsValidationException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

builder.Build().Run();

// The Functions host replaces a worker that was told to stop from outside only if it says so: it takes 0 for an end that needs no
// successor, and lets all further requests wait. 200 is its IntentionalRestartExitCode; when the host itself stops it has no effect.
return 200;
