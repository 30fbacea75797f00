using System.Net.ServerSentEvents;
using System.Text;
using FuncSse.Client;
using FuncSse.Streaming;

namespace FuncSse.Benchmarks;

/// <summary>What an event costs <see cref="SseClient"/>, compared with a loop over the same bytes with the platform's parser alone.</summary>
internal static class ClientBenchmark
{
    private const int Events = 100_000;
    private const string Data = """{"symbol":"MSFT","price":412.25,"volume":1200}""";
    private const string Parser = "`SseParser` alone";
    private const string Client = "**FuncSse.Client**";

    private static readonly byte[] s_bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Events)
        .Select(number => $"data: {Data}\nid: {number}\n\n")));

    public static void Add(WebApplicationBuilder builder) => builder.Services.AddServerSentEvents().ConfigureServerForStreams();

    public static void Map(WebApplication app) => app.MapGet("/replay", () => new SseStreamResult<string>((_, _) =>
        Enumerable.Repeat(new SseItem<string>(Data), Events).ToAsyncEnumerable()));

    public static Task RunAsync(Options options)
    {
        using ServerProcess server = Servers.Start("replay");
        using var network = new HttpClient();
        using var memory = new HttpClient(new AtHand());
        (string Name, HttpClient Http, Uri Address, int Times)[] sources =
        [
            ("a replay over loopback", network, new Uri($"http://{server.Address}/replay"), 20),
            ("bytes in memory", memory, new Uri("http://localhost/"), 40),
        ];
        Row[] rows = [.. sources.SelectMany(source => (Row[])[new Row(Client, source.Name), new Row(Parser, source.Name)])];
        var rounds = new Rounds<Row>(rows, options.Rounds, warmUps: 2, measure: row =>
        {
            (_, HttpClient http, Uri address, int times) = sources.Single(source => source.Name == row.Source);
            long allocated = GC.GetTotalAllocatedBytes(precise: true);
            TimeSpan used = Environment.CpuUsage.TotalTime;
            for (int time = 0; time < times; time++)
            {
                (row.Reader == Client ? ReadAsync(new SseClient(http).ReadAsync(address)) : ParseAsync(http, address)).GetAwaiter().GetResult();
            }

            return new()
            {
                ["CPU ns an event"] = (Environment.CpuUsage.TotalTime - used).TotalNanoseconds / (Events * times),
                ["managed bytes an event"] = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)(Events * times),
            };
        });
        rounds.Print("one stream", new Ratio<Row>("CPU ns an event", "÷ parser", row => row with { Reader = Parser }));
        return Task.CompletedTask;
    }

    private static async Task ReadAsync(IAsyncEnumerable<SseItem<string>> items)
    {
        int read = 0;
        await foreach (SseItem<string> item in items)
        {
            if (++read == Events)
            {
                return;
            }
        }
    }

    private static async Task ParseAsync(HttpClient http, Uri address)
    {
        await using Stream body = await http.GetStreamAsync(address);
        await ReadAsync(SseParser.Create(body).EnumerateAsync());
    }

    private sealed record Row(string Reader, string Source)
    {
        public override string ToString() => $"{Reader}, {Source}";
    }

    private sealed class AtHand : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage { RequestMessage = request, Content = new StreamContent(new MemoryStream(s_bytes)) { Headers = { ContentType = new("text/event-stream") } } });
    }
}
