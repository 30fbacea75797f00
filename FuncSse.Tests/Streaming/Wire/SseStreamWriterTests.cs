using System.Buffers;
using System.IO.Pipelines;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using FuncSse.Streaming;

namespace FuncSse.Tests;

[Trait("Category", "Fast")]
public sealed class SseStreamWriterTests
{
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly SseStreamWriter _writer;

    public SseStreamWriterTests() => _writer = new SseStreamWriter(_pipe.Writer);

    [Theory]
    [InlineData(1000, "retry: 1000\n\n")]
    [InlineData(0, "retry: 0\n\n")]
    [InlineData(1.9, "retry: 1\n\n")]
    [InlineData(86_400_000, "retry: 86400000\n\n")]
    public async Task Retry_is_whole_milliseconds_and_digits_only(double milliseconds, string expected)
    {
        _writer.WriteRetry(TimeSpan.FromMilliseconds(milliseconds));
        Assert.Equal(expected, await WrittenAsync());
    }

    [Fact]
    public async Task Comment_is_a_colon()
    {
        _writer.WriteComment();
        Assert.Equal(":\n\n", await WrittenAsync());
    }

    [Theory]
    [InlineData("1", null, "1", "data: 1\nid: 1\n\n")]
    [InlineData("x", null, null, "data: x\n\n")]
    [InlineData("", null, null, "data: \n\n")]
    [InlineData("x", "tick", "a-1", "event: tick\ndata: x\nid: a-1\n\n")]
    [InlineData("x", "", "", "event: \ndata: x\nid: \n\n")]
    [InlineData(" x ", " t ", "i i", "event:  t \ndata:  x \nid: i i\n\n")]
    [InlineData("a\nb", null, null, "data: a\ndata: b\n\n")]
    [InlineData("a\rb", null, null, "data: a\ndata: b\n\n")]
    [InlineData("a\r\nb", null, null, "data: a\ndata: b\n\n")]
    [InlineData("a\n\rb", null, null, "data: a\ndata: \ndata: b\n\n")]
    [InlineData("a\r\r\nb", null, null, "data: a\ndata: \ndata: b\n\n")]
    [InlineData("\n", null, null, "data: \ndata: \n\n")]
    [InlineData("a\n", null, null, "data: a\ndata: \n\n")]
    [InlineData("\nid: 9\n\nretry: 1", null, null, "data: \ndata: id: 9\ndata: \ndata: retry: 1\n\n")]
    [InlineData("a\u0085b\u2028c\u000bd\0e", null, null, "data: a\u0085b\u2028c\u000bd\0e\n\n")]
    [InlineData("Grüße, 世界 🌍", "日", "e", "event: 日\ndata: Grüße, 世界 🌍\nid: e\n\n")]
    public async Task Event_is_its_type_then_a_line_for_each_line_of_data_then_its_id(string data, string? type, string? id, string expected)
    {
        _writer.WriteEvent(data, type, id);
        Assert.Equal(expected, await WrittenAsync());
    }

    [Fact]
    public async Task Lone_surrogate_becomes_the_replacement_character()
    {
        _writer.WriteEvent("a\ud83c");
        Assert.Equal("data: a\ufffd\n\n", await WrittenAsync());
    }

    [Fact]
    public async Task Event_may_change_the_retry()
    {
        _writer.WriteEvent("x", "t", "1", TimeSpan.FromSeconds(2));
        Assert.Equal("event: t\ndata: x\nretry: 2000\nid: 1\n\n", await WrittenAsync());
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("a\rb")]
    [InlineData("a\0b")]
    [InlineData("\r\n")]
    public async Task Event_or_id_that_would_forge_a_frame_is_refused_before_a_byte_is_written(string forged)
    {
        Assert.Equal("eventType", Assert.Throws<ArgumentException>(() => _writer.WriteEvent("x", eventType: forged)).ParamName);
        Assert.Equal("eventId", Assert.Throws<ArgumentException>(() => _writer.WriteEvent("x", "t", forged)).ParamName);
        Assert.Throws<ArgumentOutOfRangeException>(() => _writer.WriteEvent("x", "t", "1", TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _writer.WriteRetry(TimeSpan.FromTicks(-1)));
        _writer.WriteComment();
        Assert.Equal(":\n\n", await WrittenAsync());
    }

    [Fact]
    public async Task Nothing_reaches_the_reader_before_a_flush()
    {
        _writer.WriteRetry(TimeSpan.FromSeconds(1));
        _writer.WriteEvent("x");
        Assert.False(_pipe.Reader.TryRead(out _));
        Assert.Equal("retry: 1000\n\ndata: x\n\n", await WrittenAsync());
    }

    [Fact]
    public async Task There_is_no_byte_order_mark()
    {
        _writer.WriteEvent("\u00e9");
        await _writer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.True(_pipe.Reader.TryRead(out ReadResult result));
        Assert.Equal([(byte)'d', .. "ata: "u8, 0xC3, 0xA9, (byte)'\n', (byte)'\n'], result.Buffer.ToArray());
    }

    [Fact]
    public async Task Large_event_is_flushed_piece_by_piece()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1, useSynchronizationContext: false));
        var writer = new SseStreamWriter(pipe.Writer);
        writer.WriteEvent(new string('x', 10 * SseStreamWriter.DataWindow));
        Task<FlushResult> flush = writer.FlushAsync(TestContext.Current.CancellationToken).AsTask();
        long expected = "data: \n\n".Length + 10 * SseStreamWriter.DataWindow;
        long total = 0;
        while (total < expected)
        {
            ReadResult result = await pipe.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            Assert.InRange(result.Buffer.Length, 0, SseStreamWriter.DataWindow + 16);
            total += result.Buffer.Length;
            pipe.Reader.AdvanceTo(result.Buffer.End);
        }

        Assert.Equal(expected, total);
        await flush;
    }

    [Fact]
    public async Task Frame_after_a_large_event_that_was_not_flushed_follows_it_whole()
    {
        string large = new('x', 3 * SseStreamWriter.DataWindow);
        _writer.WriteEvent(large, "t", "1", TimeSpan.FromSeconds(2));
        _writer.WriteEvent("next"u8, eventId: "2");
        Assert.Equal($"event: t\ndata: {large}\nretry: 2000\nid: 1\n\ndata: next\nid: 2\n\n", await WrittenAsync());
    }

    [Theory]
    [InlineData(100)]
    [InlineData(100_000)]
    public async Task Frame_that_was_written_is_not_held(int size)
    {
        WeakReference frame = Write(_writer, size);
        await _writer.FlushAsync(TestContext.Current.CancellationToken);
        GC.Collect();
        Assert.False(frame.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Write(SseStreamWriter writer, int size)
        {
            byte[] frame = new byte[size];
            writer.WriteFrame(frame);
            return new WeakReference(frame);
        }
    }

    [Fact]
    public async Task Line_breaks_and_characters_may_fall_on_any_boundary()
    {
        foreach (int boundary in (int[])[1024, SseStreamWriter.DataWindow, 2 * SseStreamWriter.DataWindow])
        {
            foreach (string text in (string[])["\r\n", "\r", "\n", "🌍", "é", "\r🌍", "\n\r\n"])
            {
                for (int offset = -4; offset <= 1; offset++)
                {
                    string data = new string('x', boundary + offset) + text + "end";
                    _writer.WriteEvent(data);
                    SseItem<string> item = Assert.Single(Parse(await WrittenAsync()));
                    Assert.Equal(Normalized(data), item.Data);
                }
            }
        }
    }

    [Fact]
    public async Task Any_text_comes_back_from_the_platforms_parser()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var written = new List<(string Data, string? Type, string? Id)>();
        for (int i = 0; i < 2_000; i++)
        {
            (string Data, string? Type, string? Id) item = (RandomText(random, allowLineBreaks: true), null, null);
            item.Type = random.Next(2) == 0 ? null : "t" + Printable(RandomText(random, allowLineBreaks: false));
            item.Id = random.Next(2) == 0 ? null : $"{random.Next()}";
            written.Add(item);
            _writer.WriteEvent(item.Data, item.Type, item.Id);
            if (random.Next(4) == 0)
            {
                _writer.WriteComment();
            }
        }

        List<SseItem<string>> read = [.. Parse(await WrittenAsync())];
        Assert.Equal(written.Count, read.Count);
        foreach (((string data, string? type, string? id), SseItem<string> item) in written.Zip(read))
        {
            Assert.True(Normalized(data) == item.Data, $"data, seed {seed}");
            Assert.True(Scalar(type ?? "message") == item.EventType, $"type, seed {seed}");
            Assert.True(id is null || Scalar(id) == item.EventId, $"id, seed {seed}");
        }
    }

    private static string RandomText(Random random, bool allowLineBreaks)
    {
        string[] breaks = ["\r", "\n", "\r\n", "\n\n", "\r\r", "\n\r"];
        string[] others = ["a", ":", " ", "data: x", "id: 1", "é", "世", "🌍", "\u2028", "\u0085", "\ufeff", "\t", "\ud83c", "\\n"];
        var text = new StringBuilder();
        for (int length = random.Next(12); length > 0; length--)
        {
            text.Append(allowLineBreaks && random.Next(3) == 0 ? random.GetItems(breaks, 1)[0] : random.GetItems(others, 1)[0]);
        }

        return text.ToString();
    }

    private static string Printable(string text) => string.Concat(text.Where(c => !char.IsControl(c)));

    private static string Normalized(string data) => Scalar(data).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');

    // A lone surrogate is no character: UTF-8 has none for it.
    private static string Scalar(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static IEnumerable<SseItem<string>> Parse(string text) =>
        SseParser.Create(new MemoryStream(Encoding.UTF8.GetBytes(text))).Enumerate();

    private async Task<string> WrittenAsync()
    {
        await _writer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.True(_pipe.Reader.TryRead(out ReadResult result));
        string text = Encoding.UTF8.GetString(result.Buffer);
        _pipe.Reader.AdvanceTo(result.Buffer.End);
        return text;
    }
}
