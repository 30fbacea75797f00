using System.Reflection;
using System.Text.Json;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse.Tests;

/// <summary>The functions, called without a Functions host, and what the host reads about them.</summary>
[Trait("Category", "Fast")]
public sealed class FunctionTests
{
    private static readonly Dictionary<string, MethodInfo> s_functions = typeof(EventsFunction).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods())
        .Where(method => method.IsDefined(typeof(FunctionAttribute)))
        .ToDictionary(method => method.GetCustomAttribute<FunctionAttribute>()!.Name);

    [Fact]
    public async Task Events_streams_the_counter_until_the_host_cancels_the_call()
    {
        using var stream = new StreamHarness();
        using var call = new FunctionCall();
        IResult result = new EventsFunction(stream.Counter).Run(stream.Http.Request, call);
        Assert.IsType<SseStreamResult<string>>(result);
        Task run = InlineContext.Run(() => result.ExecuteAsync(stream.Http));
        stream.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("retry: 1000\n\ndata: 1\nid: 1\n\ndata: 2\nid: 2\n\n", stream.Read());

        call.Cancel();
        await run.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.False(stream.IsAborted);
        Assert.Contains(stream.Logs.GetSnapshot(), entry => entry.Message.EndsWith("host_cancelled.", StringComparison.Ordinal));
    }

    [Fact]
    public void Page_and_module_are_the_files()
    {
        var files = new StaticFiles();
        Assert.Same(files.Page, new PageFunction(files).Page(new DefaultHttpContext().Request));
        Assert.Same(files.Module, new PageFunction(files).Module(new DefaultHttpContext().Request));
    }

    [Theory]
    [InlineData("Events", "events", "get head options")]
    [InlineData("Module", "funcsse.js", "get head")]
    [InlineData("Page", "{ignored:maxlength(0)?}", "get head")]
    [InlineData("Topics", "topics/{*name}", "get head options")]
    [InlineData("Publish", "topics/{*name}", "post", AuthorizationLevel.Function)]
    public void Function_has_its_route_its_methods_and_its_level(
        string name, string route, string methods, AuthorizationLevel level = AuthorizationLevel.Anonymous)
    {
        HttpTriggerAttribute trigger = Trigger(s_functions[name]);
        Assert.Equal(route, trigger.Route);
        Assert.Equal(methods, string.Join(' ', trigger.Methods!));
        Assert.Equal(level, trigger.AuthLevel);
    }

    [Fact]
    public void Host_reads_of_every_function_what_its_trigger_says()
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "functions.metadata")));
        Dictionary<string, JsonElement> metadata = file.RootElement.EnumerateArray().ToDictionary(function => function.GetProperty("name").GetString()!);
        Assert.Equal(s_functions.Keys.Order(), metadata.Keys.Order());
        foreach ((string name, MethodInfo function) in s_functions)
        {
            HttpTriggerAttribute trigger = Trigger(function);
            JsonElement binding = metadata[name].GetProperty("bindings").EnumerateArray()
                .Single(binding => binding.GetProperty("type").GetString() == "httpTrigger");
            Assert.Equal($"{function.DeclaringType!.FullName}.{function.Name}", metadata[name].GetProperty("entryPoint").GetString());
            Assert.Equal(trigger.Route, binding.GetProperty("route").GetString());
            Assert.Equal(trigger.AuthLevel.ToString(), binding.GetProperty("authLevel").GetString());
            Assert.Equal(trigger.Methods, binding.GetProperty("methods").EnumerateArray().Select(method => method.GetString()));
        }
    }

    private static HttpTriggerAttribute Trigger(MethodInfo function) =>
        function.GetParameters().Select(parameter => parameter.GetCustomAttribute<HttpTriggerAttribute>()).Single(trigger => trigger is not null)!;
}
