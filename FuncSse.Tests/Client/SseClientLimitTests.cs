using System.Net.ServerSentEvents;
using System.Text;
using FuncSse.Client;

namespace FuncSse.Tests.Client;

/// <summary>What is bounded, and what may go on for ever.</summary>
[Trait("Category", "Fast")]
public sealed class SseClientLimitTests
{
    private const int Limit = 10_000;

    public static TheoryData<string, string> Endless => Product(
        ["data: x", ": x", "id: x", "event: x", "x"], // one line
        ["x", "é"]);

    public static TheoryData<string, int> Blocks => Product(
        ["data: x\n", "data: x\r\n", "data: x\r", ":\ndata: x\n", "id: 1\n", "field\n"],
        [1, 7, 1000, int.MaxValue]);

    public static TheoryData<string, int> Life => Product(
        [":\n\n", ":\n", ":\r\n", ":\r", ":\r\n\r\n", ":\r\r", "\n", "retry: 1000\n\n", "id: 1\n\n", ": a comment that is longer\n", "data: x\n\n", "data: x\r\n\r\n"],
        [1, 7, 1000, int.MaxValue]);

    [Theory]
    [MemberData(nameof(Endless))]
    public async Task Line_without_an_end_ends_the_reading(string start, string rest)
    {
        string text = $"data: 1\n\n{start}{string.Concat(Enumerable.Repeat(rest, 100_000))}";
        Assert.Equal("1", await ReadUntilTooLargeAsync(text, 1000));
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task Event_without_an_end_ends_the_reading(string line, int piece) =>
        Assert.Equal("1", await ReadUntilTooLargeAsync($"data: 1\n\n{string.Concat(Enumerable.Repeat(line, 20_000))}", piece));

    [Theory]
    [MemberData(nameof(Life))]
    public async Task Short_comments_and_events_may_come_for_ever(string frame, int piece)
    {
        byte[] text = Encoding.UTF8.GetBytes($"{string.Concat(Enumerable.Repeat(frame, 100_000 / frame.Length))}\n\ndata: end\n\n");
        var server = new ScriptedServer();
        string[] events = await server.Body(new BodyStream(text, () => 0, piece)).ReadAsync(server.Client(new SseClientOptions { MaxEventSize = Limit }));
        Assert.Equal("end", events[^1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(int.MaxValue)]
    public async Task Event_may_be_as_large_as_the_limit(int piece)
    {
        string data = new('x', Limit - "data: \n\n".Length);
        var server = new ScriptedServer();
        byte[] text = Encoding.UTF8.GetBytes($"data: {data}\n\ndata: {data}\n\n");
        Assert.Equal([data, data], await server.Body(new BodyStream(text, () => 0, piece)).ReadAsync(server.Client(new SseClientOptions { MaxEventSize = Limit })));
    }

    [Fact]
    public async Task Comments_without_end_take_no_memory()
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(":\n", 1_000_000)));
        var server = new ScriptedServer();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(await server.Body(new BodyStream(text, () => 0)).ReadAsync());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    private static async Task<string> ReadUntilTooLargeAsync(string text, int piece)
    {
        var server = new ScriptedServer();
        await using IAsyncEnumerator<SseItem<string>> items = server.Body(new BodyStream(Encoding.UTF8.GetBytes(text), () => 0, piece))
            .Client(new SseClientOptions { MaxEventSize = Limit }).ReadAsync(ScriptedServer.Address, cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await server.NextAsync(items));
        string first = items.Current.Data;
        SseEventTooLargeException tooLarge = await Assert.ThrowsAsync<SseEventTooLargeException>(() => server.NextAsync(items));
        Assert.Contains("more than 10000 bytes", tooLarge.Message, StringComparison.Ordinal);
        return first;
    }

    private static TheoryData<string, T> Product<T>(string[] texts, T[] others)
    {
        var rows = new TheoryData<string, T>();
        foreach (string text in texts)
        {
            foreach (T other in others)
            {
                rows.Add(text, other);
            }
        }

        return rows;
    }

    [Fact]
    public async Task Long_line_in_small_pieces_is_not_copied_for_each_of_them()
    {
        // 260,000 pieces: copied each time, they would be 2 TB.
        byte[] text = [.. "data: "u8, .. Enumerable.Repeat((byte)'x', 16_000_000), .. "\n\n"u8];
        using var server = new ScriptedServer();
        string[] events = await server.Body(new BodyStream(text, () => 0, piece: 64)).ReadAsync(server.Client()).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(16_000_000, Assert.Single(events).Length);
    }
}
