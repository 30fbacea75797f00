using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using FuncSse.Client;

namespace FuncSse.Tests.Client;

/// <summary>What servers send that one would not expect, over real sockets.</summary>
public sealed class SseClientBadInputTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private static readonly SseClientOptions s_fast = new() { Retry = TimeSpan.FromMilliseconds(10), MaxBackoff = TimeSpan.FromMilliseconds(10) };

    [Fact]
    public async Task Ten_megabytes_in_one_line()
    {
        string data = new('x', 10_000_000);
        Assert.Equal([data], await ReadAsync(RawServer.Packets(false, RawServer.Head, $"data: {data}\n\n")));
    }

    [Fact]
    public async Task Byte_order_mark() => Assert.Equal(["1", "2"], await ReadAsync(RawServer.Packets(false, RawServer.Head, "\uFEFFdata: 1\n\ndata: 2\n\n")));

    [Theory]
    [InlineData("\r")]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public async Task Line_ends_of_each_kind_in_one_packet_and_byte_by_byte(string end)
    {
        string text = $"data: 1{end}data: 2{end}id: a{end}{end}: c{end}{end}data: 3{end}{end}{end}data: 4{end}{end}";
        string[] expected = ["1\n2", "3", "4"];
        Assert.Equal(expected, await ReadAsync(RawServer.Packets(false, RawServer.Head, text)));
        Assert.Equal(expected, await ReadAsync(RawServer.Packets(false, [RawServer.Head, .. text.Select(character => $"{character}")])));
        // It arrives although nothing follows it.
        Assert.Equal(expected, await ReadAsync(RawServer.Packets(true, RawServer.Head, text), count: 3));
    }

    [Fact]
    public async Task Half_an_event_at_the_end()
    {
        using var server = new RawServer(
            RawServer.Packets(false, RawServer.Head, "data: 1\nid: a\n\nid: b\ndata: 2\n"), RawServer.Packets(false, RawServer.Head, "id: b\ndata: 2\n\n"), RawServer.GoneAsync);
        Assert.Equal(["1", "2"], await ReadAsync(server));
        Assert.Contains("Last-Event-ID: a\r\n", server.Requests[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(": comment")]
    [InlineData("data: line")]
    public async Task Line_without_an_end_is_not_read_for_ever(string start)
    {
        long sent = 0;
        using var server = new RawServer(async client =>
        {
            await client.WriteAsync(Encoding.UTF8.GetBytes($"{RawServer.Head}{start}"));
            for (byte[] more = new byte[64 * 1024]; sent < 1_000_000_000; sent += more.Length)
            {
                Array.Fill(more, (byte)'x');
                await client.WriteAsync(more);
            }
        });
        await Assert.ThrowsAsync<SseEventTooLargeException>(() => ReadAsync(server));
        Assert.InRange(sent, 16_000_000, 100_000_000); // The kernel's buffers are beyond the limit.
    }

    [Fact]
    public async Task Compressed_stream_is_read_live_where_the_handler_decompresses_and_refused_otherwise()
    {
        using var server = new RawServer(async client =>
        {
            await client.WriteAsync(Encoding.UTF8.GetBytes(RawServer.Head.Replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n", StringComparison.Ordinal)));
            await using var gzip = new GZipStream(client, CompressionLevel.Fastest);
            await gzip.WriteAsync("data: 1\n\n"u8.ToArray());
            await gzip.FlushAsync();
            await client.CopyToAsync(Stream.Null);
        });
        using var handler = new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.GZip };
        Assert.Equal(["1"], await ReadAsync(server, count: 1, handler: handler));
        Assert.Contains("AutomaticDecompression", (await Assert.ThrowsAsync<SseRefusedException>(() => ReadAsync(server))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 0\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\ndata: 0\n")]
    public async Task Broken_answer_is_tried_again(string answer)
    {
        using var server = new RawServer(RawServer.Packets(false, answer), RawServer.Packets(false, RawServer.Head, "data: 1\n\n"), RawServer.GoneAsync);
        Assert.Equal(["1"], await ReadAsync(server));
    }

    [Fact]
    public async Task Server_that_accepts_and_says_nothing_is_left()
    {
        using var server = new RawServer(RawServer.Packets(true), RawServer.Packets(true, RawServer.Head), RawServer.GoneAsync);
        Assert.Empty(await ReadAsync(server, options: new SseClientOptions { Retry = s_fast.Retry, Silence = TimeSpan.FromMilliseconds(300) }));
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task Refused_connection_and_unknown_host_are_tried_again()
    {
        var gone = new RawServer(RawServer.GoneAsync);
        gone.Dispose();
        foreach (Uri address in (Uri[])[gone.Address, new Uri("http://nowhere.invalid/")])
        {
            int tries = 0;
            var options = new SseClientOptions { Retry = s_fast.Retry, MaxBackoff = s_fast.MaxBackoff, PrepareRequest = (_, _, _) => ++tries < 4 ? ValueTask.CompletedTask : throw new NotSupportedException() };
            using var http = new HttpClient();
            await Assert.ThrowsAsync<NotSupportedException>(() => new SseClient(http, options)
                .ReadAsync(address, cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken).MoveNextAsync().AsTask().WaitAsync(s_limit, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Certificate_that_is_refused_ends_the_reading()
    {
        using X509Certificate2 certificate = DirectTransportTests.SelfSigned();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = ServeAsync();
        using var http = new HttpClient();
        SseRefusedException refused = await Assert.ThrowsAsync<SseRefusedException>(() => new SseClient(http, s_fast)
            .ReadAsync(new Uri($"https://{listener.LocalEndpoint}/stream"), cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken).MoveNextAsync().AsTask()
            .WaitAsync(s_limit, TestContext.Current.CancellationToken));
        await serving.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Contains("stream: The remote certificate is invalid", refused.Message, StringComparison.Ordinal);
        Assert.Null(refused.StatusCode);

        async Task ServeAsync()
        {
            using TcpClient client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            await using var tls = new SslStream(client.GetStream());
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await tls.AuthenticateAsServerAsync(certificate);
                await tls.ReadExactlyAsync(new byte[1]);
            });
        }
    }

    [Theory]
    [InlineData("é")]
    [InlineData("日本")]
    public async Task Id_beyond_ASCII(string id)
    {
        using var server = new RawServer(RawServer.Packets(false, RawServer.Head, $"data: 1\nid: {id}\n\n"), RawServer.GoneAsync);
        Assert.Equal(["1"], await ReadAsync(server, handler: new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 }));
        Assert.Contains($"Last-Event-ID: {Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(id))}\r\n", server.Requests[1], StringComparison.Ordinal);
        // A handler that cannot send it never will.
        Assert.Contains("ASCII", (await Assert.ThrowsAsync<SseRefusedException>(() => ReadAsync(RawServer.Packets(false, RawServer.Head, $"data: 1\nid: {id}\n\n")))).Message, StringComparison.Ordinal);
    }

    private static async Task<string[]> ReadAsync(Func<NetworkStream, Task> answer, int count = int.MaxValue)
    {
        using var server = new RawServer(answer, RawServer.GoneAsync);
        return await ReadAsync(server, count);
    }

    private static async Task<string[]> ReadAsync(RawServer server, int count = int.MaxValue, SseClientOptions? options = null, HttpMessageHandler? handler = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        using var http = new HttpClient(handler ?? new SocketsHttpHandler());
        var events = new List<string>();
        await foreach (SseItem<string> item in new SseClient(http, options ?? s_fast).ReadAsync(server.Address, cancellationToken: limit.Token))
        {
            events.Add(item.Data);
            if (events.Count == count)
            {
                break;
            }
        }

        return [.. events];
    }
}
