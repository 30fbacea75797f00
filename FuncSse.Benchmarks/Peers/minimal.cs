#:sdk Microsoft.NET.Sdk.Web
#:property PublishAot=false

// The start benchmark compares the self-host with this minimal ASP.NET Core app.
var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
app.MapGet("/events", () => "data: 1\n\n");
app.Run();
