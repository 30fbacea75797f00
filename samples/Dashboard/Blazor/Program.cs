using Dashboard.Blazor;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddTopics(builder.Configuration.GetSection("Topics"));
builder.Services.AddAzureStorageEventLog(builder.Configuration);
builder.Services.AddRazorComponents().AddInteractiveServerComponents();

WebApplication app = builder.Build();
app.UseAntiforgery();
app.MapStaticAssets();
app.MapRazorComponents<App>().AddInteractiveServerRenderMode();
app.Run();
