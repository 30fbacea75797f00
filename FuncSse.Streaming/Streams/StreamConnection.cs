using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FuncSse.Streaming;

/// <summary>What a stream asks of the connection that carries it.</summary>
/// <param name="http">The request.</param>
internal sealed class StreamConnection(HttpContext http)
{
    // TCP_NOTSENT_LOWAT on Linux (tcp(7)): how many unsent bytes a socket holds for a client. Zero restores the system's default.
    private const int Tcp = 6;
    private const int NotSentLowWater = 25;
    private const int MaxNotSent = 32 * 1024;

    private readonly IStreamingConnectionFeature? _feature = http.Features.Get<IStreamingConnectionFeature>();
    private IStreamingConnectionFeature? _chunked;

    /// <summary>
    /// The connection, if a chunk of HTTP/1.1 that is sent to it becomes a part of this response: the server writes in chunks (RFC 9112
    /// §7.1), no middleware has replaced the server's writer, and neither TLS nor anything else stands between the connection and the
    /// socket. The answer is valid once the headers have left.
    /// </summary>
    public static IStreamingConnectionFeature? FindChunked(HttpContext http)
    {
        IFeatureCollection features = http.Features;
        IStreamingConnectionFeature? connection = features.Get<IStreamingConnectionFeature>();
        return http.Response.Headers.TransferEncoding == "chunked"
            && ReferenceEquals(features.Get<IHttpResponseBodyFeature>(), features.Get<IHttpMinResponseDataRateFeature>()) // The server's own.
            && ReferenceEquals(features.Get<IConnectionTransportFeature>()?.Transport, connection)
            ? connection
            : null;
    }

    /// <summary>
    /// The stream begins. From now on the system holds little for a client that does not read; by default it takes megabytes, and until then nothing
    /// shows that the client does not read.
    /// </summary>
    public void Begin()
    {
        _feature?.StreamStarted();
        SetUnsent(MaxNotSent);
    }

    /// <summary>The headers have left, so it is known whether chunks can be sent directly.</summary>
    public void HeadersSent() => _chunked = FindChunked(http);

    /// <summary>The stream is over, and another response may follow on the connection.</summary>
    public void End()
    {
        _feature?.StreamEnded();
        if (HttpProtocol.IsHttp11(http.Request.Protocol)) // An HTTP/2 connection may carry more streams, so it keeps the limit.
        {
            SetUnsent(0);
        }
    }

    /// <summary>Sends a chunk of HTTP/1.1, as <see cref="IStreamingConnectionFeature.TrySend"/>; -1 also where that is not possible.</summary>
    public int TrySend(ReadOnlySpan<byte> chunk) => _chunked?.TrySend(chunk) ?? -1;

    private void SetUnsent(int bytes)
    {
        try
        {
            if (OperatingSystem.IsLinux() && http.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
            {
                socket.SetRawSocketOption(Tcp, NotSentLowWater, BitConverter.GetBytes(bytes));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client has left already, and the stream is about to notice.
        }
    }
}
