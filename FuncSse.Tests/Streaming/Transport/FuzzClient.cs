using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace FuncSse.Tests;

/// <param name="Head">The status line and the headers.</param>
/// <param name="Body">The content, without the framing of chunks.</param>
/// <param name="IsWhole">Whether the response came with its end.</param>
internal sealed record FuzzResponse(string Head, byte[] Body, bool IsWhole);

/// <summary>The client's side of <see cref="FuzzProgram"/>: it reads slowly, and may go away.</summary>
internal static class FuzzClient
{
    /// <summary>Returns what came, response by response; those that did not come are missing at the end.</summary>
    public static Task<FuzzResponse[]> RunAsync(FuzzProgram program, Uri server, X509Certificate2 certificate) =>
        (program.IsHttp2 ? RunHttp2Async(program, server, certificate) : RunHttp1Async(program, server, certificate)).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

    /// <summary>Splits what a connection of HTTP/1.1 carried into responses (RFC 9112).</summary>
    /// <exception cref="FormatException">The bytes are no row of responses.</exception>
    public static IEnumerable<FuzzResponse> Parse(byte[] bytes)
    {
        for (int position = 0; position < bytes.Length;)
        {
            int end = bytes.AsSpan(position).IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                Check("HTTP/1.1 200 OK\r\n".StartsWith(Encoding.Latin1.GetString(bytes, position, Math.Min(17, bytes.Length - position)), StringComparison.Ordinal), position);
                yield break;
            }

            string head = Encoding.Latin1.GetString(bytes, position, end);
            Check(head.StartsWith("HTTP/1.1 200 OK\r\n", StringComparison.Ordinal), position);
            position += end + 4;
            using var body = new MemoryStream();
            bool isWhole = head.Contains("Transfer-Encoding: chunked", StringComparison.Ordinal)
                ? ReadChunks(bytes, ref position, body)
                : ReadLength(bytes, ref position, body, int.Parse(head.Split("Content-Length: ")[1].Split('\r')[0], CultureInfo.InvariantCulture));
            yield return new FuzzResponse(head, body.ToArray(), isWhole);
        }
    }

    private static bool ReadChunks(byte[] bytes, ref int position, MemoryStream body)
    {
        while (true)
        {
            int line = bytes.AsSpan(position).IndexOf("\r\n"u8);
            if (line < 0)
            {
                Check(bytes.Length - position < 10, position);
                position = bytes.Length;
                return false;
            }

            Check(int.TryParse(Encoding.Latin1.GetString(bytes, position, line), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int size), position);
            position += line + 2;
            if (!ReadLength(bytes, ref position, body, size) || bytes.Length - position < 2)
            {
                position = bytes.Length;
                return false;
            }

            Check(bytes.AsSpan(position, 2).SequenceEqual("\r\n"u8), position);
            position += 2;
            if (size == 0)
            {
                return true;
            }
        }
    }

    private static bool ReadLength(byte[] bytes, ref int position, MemoryStream body, int length)
    {
        int count = Math.Min(length, bytes.Length - position);
        body.Write(bytes, position, count);
        position += count;
        return count == length;
    }

    private static void Check(bool isRight, int position)
    {
        if (!isRight)
        {
            throw new FormatException($"There is no response or chunk at byte {position}.");
        }
    }

    private static async Task<FuzzResponse[]> RunHttp1Async(FuzzProgram program, Uri server, X509Certificate2 certificate)
    {
        using var connection = new NetworkStream(await ConnectAsync(server), ownsSocket: true);
        await using Stream stream = program.IsEncrypted ? new SslStream(connection, leaveInnerStreamOpen: true, (_, shown, _, _) => certificate.Equals(shown)) : connection;
        if (stream is SslStream tls)
        {
            await tls.AuthenticateAsClientAsync("localhost");
        }

        // All requests at once: they wait for one another on the server.
        string requests = string.Concat(program.Requests.Select((_, index) =>
            $"GET /{program.Seed}/{index} HTTP/1.1\r\nHost: x\r\n{(index == program.Requests.Length - 1 ? "Connection: close\r\n" : "")}\r\n"));
        await stream.WriteAsync(Encoding.ASCII.GetBytes(requests));
        using var bytes = new MemoryStream();
        await ReadAsync(stream, new Random(program.Seed), program.ResetAfter, bytes);
        connection.Socket.LingerState = new LingerOption(enable: true, seconds: 0);
        connection.Dispose();
        return [.. Parse(bytes.ToArray())];
    }

    private static async Task<FuzzResponse[]> RunHttp2Async(FuzzProgram program, Uri server, X509Certificate2 certificate)
    {
        using var handler = new SocketsHttpHandler { ConnectCallback = async (_, _) => new NetworkStream(await ConnectAsync(server), ownsSocket: true) };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => certificate.Equals(shown);
        using var client = new HttpClient(handler)
        {
            BaseAddress = server,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        return await Task.WhenAll(program.Requests.Select((_, index) => GetAsync(index)));

        async Task<FuzzResponse> GetAsync(int index)
        {
            try
            {
                using HttpResponseMessage response = await client.GetAsync($"/{program.Seed}/{index}", HttpCompletionOption.ResponseHeadersRead);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                using var body = new MemoryStream();
                await using Stream stream = await response.Content.ReadAsStreamAsync();
                bool isWhole = await ReadAsync(stream, new Random(program.Seed + index), index == 0 ? program.ResetAfter : null, body);
                return new FuzzResponse(response.Headers.ToString(), body.ToArray(), isWhole);
            }
            catch (HttpRequestException)
            {
                return new FuzzResponse("", [], IsWhole: false);
            }
        }
    }

    /// <summary>Reads in small pieces with pauses; returns whether the end has come.</summary>
    private static async Task<bool> ReadAsync(Stream stream, Random random, int? resetAfter, MemoryStream read)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            while (read.Length < (resetAfter ?? long.MaxValue))
            {
                int count = await stream.ReadAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)));
                if (count == 0)
                {
                    return true;
                }

                read.Write(buffer, 0, count);
                if (random.Next(30) == 0)
                {
                    await Task.Delay(random.Next(5));
                }
            }
        }
        catch (IOException)
        {
            // The server has cut the connection or the response.
        }

        return false;
    }

    private static async Task<Socket> ConnectAsync(Uri server)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(server.Host, server.Port);
        return socket;
    }
}
