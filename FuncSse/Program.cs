using FuncSse.Streaming;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
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
return 0;
