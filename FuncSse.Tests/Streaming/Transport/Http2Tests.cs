using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FuncSse.Tests;

/// <summary>Tests streams that share one HTTP/2 connection: their limits, their ends, and the streams that remain.</summary>
public sealed class Http2Tests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly HttpClient _client;
    private int _connections;

    public Http2Tests() => _client = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync })
    {
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = s_limit,
    };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Client_gets_at_most_its_number_of_streams_on_one_connection()
    {
        await using AppServer server = await StartAsync([("Sse:MaxStreamsPerClient", "2")]);
        using StreamReader first = await OpenAsync(server, "silent");
        StreamReader second = await OpenAsync(server, "silent");
        using (StreamReader refused = await OpenAsync(server, "silent", isRefused: true))
        {
            Assert.Equal("\n", await refused.ReadToEndAsync(Cancelled).WaitAsync(s_limit, Cancelled));
        }

        second.Dispose();
        await Eventually.TrueAsync(() => server.Streams.Open == 1);
        using StreamReader again = await OpenAsync(server, "silent");
        Assert.Equal(1, _connections);
    }

    [Fact]
    public async Task Stream_that_is_not_read_is_dropped_and_the_others_go_on()
    {
        await using AppServer server = await StartAsync([("Sse:WriteTimeout", "00:00:01"), ("Sse:Interval", "00:00:00.05")]);
        using StreamReader counter = await OpenAsync(server, "events");
        using StreamReader flood = await OpenAsync(server, "flood");
        await Eventually.TrueAsync(() => server.Logs.GetSnapshot().Any(entry => entry.Message.EndsWith("client_stalled.", StringComparison.Ordinal)));
        int dropped = await ReadUntilAsync(counter, number => number > 0);
        await ReadUntilAsync(counter, number => number > dropped + 40);
        Assert.Equal(1, server.Streams.Open);
        await Assert.ThrowsAnyAsync<IOException>(() => flood.ReadToEndAsync(Cancelled).WaitAsync(s_limit, Cancelled));
        Assert.Equal(1, _connections);
        server.AssertQuiet();
    }

    [Fact]
    public async Task Stream_ends_cleanly_with_its_lifetime_and_the_connection_serves_the_next()
    {
        await using AppServer server = await StartAsync([("Sse:MaxDuration", "00:00:01")]);
        for (int round = 0; round < 2; round++)
        {
            foreach (StreamReader stream in await Task.WhenAll(OpenAsync(server, "silent"), OpenAsync(server, "silent"), OpenAsync(server, "silent")))
            {
                Assert.Equal("\nretry: 100\n\n", await stream.ReadToEndAsync(Cancelled).WaitAsync(s_limit, Cancelled));
                stream.Dispose();
            }
        }

        Assert.Equal(1, _connections);
        server.AssertQuiet();
    }

    [Fact]
    public async Task Silent_stream_is_kept_alive()
    {
        await using AppServer server = await StartAsync([("Sse:KeepAlive", "00:00:00.2")]);
        using StreamReader silent = await OpenAsync(server, "silent");
        string[] lines = new string[7];
        for (int line = 0; line < lines.Length; line++)
        {
            lines[line] = (await silent.ReadLineAsync(Cancelled).AsTask().WaitAsync(s_limit, Cancelled))!;
        }

        Assert.Equal(["", ":", "", ":", "", ":", ""], lines);
    }

    private static Task<AppServer> StartAsync((string, string)[] settings) => AppServer.StartAsync(
        listen => listen.Protocols = HttpProtocols.Http2,
        settings,
        ("/silent", (_, cancellationToken) => StreamHarness.SilentAsync(cancellationToken)),
        ("/flood", (_, _) => AppServer.Flood(new string('x', 64 * 1024))));

    private static async Task<int> ReadUntilAsync(StreamReader counter, Func<int, bool> isEnough)
    {
        while (true)
        {
            string? line = await counter.ReadLineAsync(Cancelled).AsTask().WaitAsync(s_limit, Cancelled);
            Assert.NotNull(line);
            if (line.StartsWith("data: ", StringComparison.Ordinal) && int.Parse(line[6..], System.Globalization.CultureInfo.InvariantCulture) is var number && isEnough(number))
            {
                return number;
            }
        }
    }

    private async Task<StreamReader> OpenAsync(AppServer server, string path, bool isRefused = false)
    {
        var reader = new StreamReader(await _client.GetStreamAsync(new Uri(server.Address, path), Cancelled).WaitAsync(s_limit, Cancelled));
        Assert.Matches(isRefused ? @"^retry: [123]\d{4}$" : "^retry: 1000$", await reader.ReadLineAsync(Cancelled).AsTask().WaitAsync(s_limit, Cancelled));
        return reader;
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _connections);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
