using System.Net.ServerSentEvents;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FuncSse.Streaming;

namespace FuncSse.Benchmarks;

/// <summary>The frame writer beside the platform's, each with nothing behind it: what an event's frame alone costs.</summary>
[MemoryDiagnoser]
[HideColumns("Error", "StdDev", "Median", "RatioSD", "Alloc Ratio")]
public class MicroBenchmarks
{
    private const int Events = 1000;

    private readonly SseStreamWriter _writer = new(new NullPipeWriter());
    private SseItem<string> _item;

    /// <summary>What an event carries.</summary>
    [Params("a count", "1 KB JSON", "64 KB text")]
    public string Data { get; set; } = "";

    internal static int Run(string[] args)
    {
        // In this process: BenchmarkDotNet's own build of a program does not know this target framework yet.
        IConfig config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkRunner.Run<MicroBenchmarks>(config, args);
        return 0;
    }

    /// <summary>Makes the event.</summary>
    [GlobalSetup]
    public void Setup()
    {
        string data = Data switch
        {
            "a count" => "12345",
            "1 KB JSON" => "{\"text\":\"" + new string('x', 1013) + "\"}",
            _ => string.Join('\n', Enumerable.Repeat(new string('x', 79), 65536 / 80)),
        };
        _item = new SseItem<string>(data) { EventId = "12345" };
    }

    /// <summary>The engine's writer, flushed after each event.</summary>
    [Benchmark(OperationsPerInvoke = Events)]
    public async Task SseStreamWriter()
    {
        for (int i = 0; i < Events; i++)
        {
            _writer.WriteEvent(_item.Data, eventId: _item.EventId);
            await _writer.FlushAsync();
        }
    }

    /// <summary>The platform's formatter.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Events)]
    public Task SseFormatter() => System.Net.ServerSentEvents.SseFormatter.WriteAsync(Repeat(), Stream.Null);

    // Always ready: neither side waits.
    private async IAsyncEnumerable<SseItem<string>> Repeat()
    {
        for (int i = 0; i < Events; i++)
        {
            yield return _item;
        }

        await Task.CompletedTask;
    }
}
