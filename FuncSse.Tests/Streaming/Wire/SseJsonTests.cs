using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using MvcJsonOptions = Microsoft.AspNetCore.Mvc.JsonOptions;

namespace FuncSse.Tests;

/// <summary>JSON as <c>TypedResults.ServerSentEvents</c> has it, byte by byte, and whose options hold.</summary>
[Trait("Category", "Fast")]
public sealed partial class SseJsonTests
{
    private static readonly Action<JsonSerializerOptions> s_none = _ => { };

    public static TheoryData<string> Styles => ["default", "indented", "tabs", "names"];

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task Data_is_as_the_framework_sends_it(string style)
    {
        await AssertSameAsync(style, new Leaf("a\nb", 1.5));
        await AssertSameAsync<Animal>(style, new Animal("a"), new Dog("b", "Poodle <é日>"), null!);
        await AssertSameAsync<Shape>(style, new Circle(1), new Shape());
        await AssertSameAsync<IAnimal>(style, new Dog("b", "c"));
        await AssertSameAsync(style, new Point(1, 2), default);
        await AssertSameAsync<Point?>(style, new Point(1, 2), null);
        await AssertSameAsync<int>(style, 1, -2);
        int[] numbers = [1, 2];
        await AssertSameAsync<object>(style, "a\"b", 7, 1.5m, "x\r\ny"u8.ToArray(), null!, new Dog("b", "c"), numbers, new Point(1, 2), true);
        await AssertSameAsync<byte[]>(style, "a\nb"u8.ToArray(), [], null!);
        await AssertSameAsync<List<Animal>>(style, [new Dog("b", "c")]);
        await AssertSameAsync<IEnumerable<Animal>>(style, [new Dog("b", "c")], new List<Dog> { new("d", "e") });
        await AssertSameAsync(style, new Dictionary<string, object> { ["Key"] = new Dog("b", new string('x', 40_000)) });
        await AssertSameAsync(style, JsonDocument.Parse("""{"a":[1,{"b":null}]}"""));
        await AssertSameAsync(style, new { Anonymous = DayOfWeek.Friday });
    }

    [Theory]
    [InlineData("none", "name")]
    [InlineData("http", "na_me")]
    [InlineData("mvc", "na-me")]
    [InlineData("both", "na_me")]
    [InlineData("mvc, by a class", "na-me")]
    [InlineData("mvc, with a dependency", "na-me")]
    [InlineData("mvc, by another name", "name")]
    [InlineData("mvc, and the framework's own for http", "na-me")]
    public async Task Options_of_http_hold_unless_only_those_of_mvc_are_configured(string configured, string name)
    {
        using var stream = new StreamHarness(configure: services =>
        {
            services.AddControllers();
            services.AddProblemDetails();
            if (configured is "http" or "both")
            {
                services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = Naming("_"));
            }

            if (configured is "mvc" or "both" or "mvc, and the framework's own for http")
            {
                services.Configure<MvcJsonOptions>(json => json.JsonSerializerOptions.PropertyNamingPolicy = Naming("-"));
            }
            else if (configured is "mvc, by a class")
            {
                services.ConfigureOptions<MvcSetup>();
            }
            else if (configured is "mvc, with a dependency")
            {
                services.AddOptions<MvcJsonOptions>().Configure<IServiceProvider>((json, _) => json.JsonSerializerOptions.PropertyNamingPolicy = Naming("-"));
            }
            else if (configured is "mvc, by another name")
            {
                services.Configure<MvcJsonOptions>("other", json => json.JsonSerializerOptions.PropertyNamingPolicy = Naming("-"));
            }
        });
        await stream.RunAsync((_, _) => Items(new Animal("a")));
        Assert.Equal($"retry: 1000\n\ndata: {{\"{name}\":\"a\"}}\n\n", stream.Read());
    }

    [Fact]
    public async Task Framework_configures_neither_options_by_what_looks_like_the_apps()
    {
        foreach (WebApplicationBuilder builder in (WebApplicationBuilder[])[WebApplication.CreateBuilder(), WebApplication.CreateSlimBuilder(), WebApplication.CreateEmptyBuilder(new())])
        {
            builder.Services.AddMvc();
            builder.Services.AddRazorPages();
            builder.Services.AddSignalR();
            builder.Services.AddProblemDetails();
            builder.Services.AddValidation();
            builder.Services.AddAuthorization();
            builder.Services.Configure<MvcJsonOptions>(json => json.JsonSerializerOptions.PropertyNamingPolicy = Naming("-"));
            await using ServiceProvider services = builder.Services.BuildServiceProvider();
            Assert.Equal("""{"na-me":"a"}"""u8, new SseJson<Animal>(services).Serialize(new Animal("a")));
        }
    }

    [Fact]
    public async Task Type_without_metadata_is_one_clear_error_at_once()
    {
        using var stream = new StreamHarness(configure: services =>
            services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolver = Metadata.Default));
        foreach (string method in (string[])["HEAD", "OPTIONS"])
        {
            stream.Http.Request.Method = method;
            await stream.RunAsync((_, _) => Items(new Leaf("a", 1)));
        }

        stream.Http.Request.Method = "GET";
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => stream.RunAsync((_, _) => Items(new Leaf("a", 1))));
        Assert.Contains(nameof(Leaf), exception.Message, StringComparison.Ordinal);
        Assert.Equal("", stream.Read());
        Assert.Equal(0, stream.Streams.Open);
    }

    [Fact]
    public async Task Data_whose_own_type_has_no_metadata_is_sent_as_its_base()
    {
        using var stream = new StreamHarness(configure: services =>
            services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolver = Metadata.Default));
        await stream.RunAsync((_, _) => Items<Animal>(new Dog("b", "c")));
        Assert.Equal("retry: 1000\n\ndata: {\"name\":\"b\"}\n\n", stream.Read());
    }

    private static async Task AssertSameAsync<T>(string style, params T[] data)
    {
        Action<JsonSerializerOptions> configure = style switch
        {
            "indented" => json => json.WriteIndented = true,
            "tabs" => json => (json.WriteIndented, json.IndentCharacter, json.IndentSize, json.NewLine) = (true, '\t', 1, "\r\n"),
            "names" => json => (json.PropertyNamingPolicy, json.Encoder) = (JsonNamingPolicy.SnakeCaseUpper, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping),
            _ => s_none,
        };
        using var ours = new StreamHarness(configure: services => services.ConfigureHttpJsonOptions(json => configure(json.SerializerOptions)));
        using var theirs = new StreamHarness(configure: services => services.ConfigureHttpJsonOptions(json => configure(json.SerializerOptions)));
        await ours.RunAsync((_, _) => Items(data));
        await TypedResults.ServerSentEvents(Items(data)).ExecuteAsync(theirs.Http).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal("retry: 1000\n\n" + theirs.Read(), ours.Read());
    }

    private static IAsyncEnumerable<SseItem<T>> Items<T>(params T[] data) => data.Select(one => new SseItem<T>(one)).ToAsyncEnumerable();

    private static Separated Naming(string separator) => new Separated(separator);

    private sealed class Separated(string separator) : JsonNamingPolicy
    {
        public override string ConvertName(string name) => name.ToLowerInvariant().Insert(2, separator);
    }

    private sealed class MvcSetup : Microsoft.Extensions.Options.IConfigureOptions<MvcJsonOptions>
    {
        public void Configure(MvcJsonOptions options) => options.JsonSerializerOptions.PropertyNamingPolicy = Naming("-");
    }

    private sealed record Leaf(string Text, double Value);

    private interface IAnimal
    {
        string Name { get; }
    }

    internal record Animal(string Name) : IAnimal;

    internal sealed record Dog(string Name, string Breed) : Animal(Name);

    [JsonPolymorphic]
    [JsonDerivedType(typeof(Circle), "circle")]
    private record Shape;

    private sealed record Circle(int Radius) : Shape;

    private readonly record struct Point(int X, int Y);

    [JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
    [JsonSerializable(typeof(Animal))]
    [JsonSerializable(typeof(object))]
    private sealed partial class Metadata : JsonSerializerContext;
}
