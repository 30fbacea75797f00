#:sdk Microsoft.NET.Sdk.Web
#:property PublishAot=false

// What the start benchmark compares the self-host with: the least that is an ASP.NET Core app.
var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
app.MapGet("/events", () => "data: 1\n\n");
app.Run();
