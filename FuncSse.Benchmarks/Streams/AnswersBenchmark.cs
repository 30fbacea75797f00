using System.Diagnostics;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FuncSse.Streaming;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using FuncSse.Topics.Redis;

namespace FuncSse.Benchmarks;

/// <summary>
/// Answers that are recorded, compared with plain streams of the same feed: the processor time of a token, the delay of the first one and of each one on
/// another instance, and a reload of a long answer.
/// </summary>
internal static class AnswersBenchmark
{
    private const int Answers = 200;
    private const int TokensPerSecond = 50;
    private const int LongAnswer = 4000;
    private const int OtherEvents = 100_000;

    public static void Add(WebApplicationBuilder builder)
    {
        builder.Services.AddTopics(builder.Configuration.GetSection(TopicOptions.Section)).ConfigureServerForStreams();
        builder.Services.AddAzureStorageEventLog(builder.Configuration).AddRedisEventLog();
    }

    public static void Map(WebApplication app)
    {
        app.MapGet("/plain/{name}", (int tokens, int pace) => new SseStreamResult<string>((_, stop) => SayAsync(tokens, pace, stop), default, new() { IsResumable = false }));
        app.MapGet("/recorded/{name}", (string name, int tokens, int pace) => new RecordedStreamResult(name, (_, stop) => SayAsync(tokens, pace, stop)));
        app.MapGet("/follow/{name}", (string name) => new RecordedStreamResult(name));
    }

    public static async Task RunAsync(Options options)
    {
        await using SharedLogs logs = await SharedLogs.StartAsync();
        string[] rows = ["plain", "memory", "redis", "azurite"];
        var rounds = new Rounds<string>(rows, options.Rounds, row => MeasureAsync(row, logs, options).GetAwaiter().GetResult());
        rounds.Print(
            $"{Answers} answers of {TokensPerSecond} tokens a second",
            new Ratio<string>("CPU µs a token", "÷ plain", _ => "plain"));
    }

    private static async Task<OrderedDictionary<string, double>> MeasureAsync(string row, SharedLogs logs, Options options)
    {
        (string, string)[] settings = [.. logs.Settings(row), ("Topics__Name", $"b{Guid.NewGuid():N}")];
        string path = row == "plain" ? "plain" : "recorded";
        using ServerProcess server = Servers.Start("answers", settings);
        using ServerProcess other = Servers.Start("answers", settings);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        using var elsewhere = new HttpClient { BaseAddress = new Uri($"http://{other.Address}") };
        await AnswerAsync(http, path, "warm", 5); // It compiles the code.
        long tokens = 0;
        Usage usage = Usage.Of([server], () => tokens = AnswerAsync(http, path, "measured", options.Seconds).GetAwaiter().GetResult());
        var first = new List<double>();
        for (int number = 0; number < 50; number++)
        {
            first.Add(await FirstAsync(http, $"{path}/first-{number}?tokens=1&pace=0"));
            await Task.Delay(100); // The log is still busy with the end of this one.
        }

        return new()
        {
            ["CPU µs a token"] = usage.Server.TotalMicroseconds / tokens,
            ["first token p50 ms"] = Figures.Percentile(first, 0.5),
            ["on another instance p99 ms"] = row is "plain" or "memory" ? double.NaN : await DelayAsync(http, elsewhere),
            ["reload ms"] = row == "plain" ? double.NaN : await ReloadAsync(http, row == "memory" ? http : elsewhere),
            ["other busy cores"] = usage.OtherCores,
        };
    }

    // One client for each answer. Returns how many tokens came.
    private static async Task<long> AnswerAsync(HttpClient http, string path, string name, int seconds)
    {
        int tokens = seconds * TokensPerSecond;
        int[] read = await Task.WhenAll(Enumerable.Range(0, Answers).Select(number =>
            CountAsync(http, $"{path}/{name}-{number}?tokens={tokens}&pace={1000 / TokensPerSecond}")));
        return read.All(count => count == tokens) ? read.Sum(count => (long)count) : throw new BenchmarkException("an answer is not whole.");
    }

    private static async Task<double> FirstAsync(HttpClient http, string path)
    {
        // A connection takes its next request once the end of the answer before is in the log, so each has its own.
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { ConnectionClose = true } };
        long start = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using Stream body = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[4096];
        for (int read = 1, length = 0; read > 0; length += read)
        {
            read = await body.ReadAsync(buffer.AsMemory(length));
            if (buffer.AsSpan(0, length + read).IndexOf("data: "u8) >= 0)
            {
                return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }

        throw new BenchmarkException("there was no token.");
    }

    // A token is the time at which it was said, by the clock of the machine.
    private static async Task<double> DelayAsync(HttpClient http, HttpClient elsewhere)
    {
        Task producing = CountAsync(http, "recorded/followed?tokens=500&pace=20");
        await Task.Delay(500);
        var delays = new List<double>();
        await foreach (SseItem<string> token in ReadAsync(elsewhere, "follow/followed"))
        {
            delays.Add(Stopwatch.GetElapsedTime(long.Parse(token.Data, CultureInfo.InvariantCulture)).TotalMilliseconds);
        }

        await producing;
        return Figures.Percentile(delays.Skip(100), 0.99); // The first ones were said before it followed.
    }

    private static async Task<double> ReloadAsync(HttpClient http, HttpClient elsewhere)
    {
        await CountAsync(http, $"recorded/long?tokens={LongAnswer}&pace=0");
        await Task.WhenAll(Enumerable.Range(0, 100).Select(number => CountAsync(http, $"recorded/others-{number}?tokens={OtherEvents / 100}&pace=0")));
        await Task.Delay(1000);
        var times = new List<double>();
        for (int time = 0; time < 5; time++)
        {
            long start = Stopwatch.GetTimestamp();
            int read = await CountAsync(elsewhere, "follow/long");
            times.Add(read == LongAnswer ? Stopwatch.GetElapsedTime(start).TotalMilliseconds : throw new BenchmarkException($"{read} tokens came back."));
        }

        return Figures.Percentile(times, 0.5);
    }

    private static async Task<int> CountAsync(HttpClient http, string path)
    {
        int count = 0;
        await foreach (SseItem<string> _ in ReadAsync(http, path))
        {
            count++;
        }

        return count;
    }

    private static async IAsyncEnumerable<SseItem<string>> ReadAsync(HttpClient http, string path)
    {
        await using Stream body = await http.GetStreamAsync(path);
        await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync())
        {
            yield return item;
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> SayAsync(int tokens, int pace, [EnumeratorCancellation] CancellationToken stop)
    {
        using var timer = pace > 0 ? new PeriodicTimer(TimeSpan.FromMilliseconds(pace)) : null;
        for (int number = 0; number < tokens; number++)
        {
            if (timer is not null)
            {
                await timer.WaitForNextTickAsync(stop);
            }

            yield return new SseItem<string>(Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture));
        }
    }
}
