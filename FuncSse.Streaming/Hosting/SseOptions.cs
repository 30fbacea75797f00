namespace FuncSse.Streaming;

/// <summary>
/// The options of all streams of a process. They are checked when the app starts: an invalid value stops it with a one-line message that
/// names the option, the value and what is allowed.
/// </summary>
public sealed class SseOptions
{
    /// <summary>The usual name of the configuration section: the app settings are <c>Sse__Retry</c>, <c>Sse__KeepAlive</c>, ….</summary>
    public const string Section = "Sse";

    internal const int MaxPadding = 64 * 1024;

    internal static readonly TimeSpan MinRetry = TimeSpan.FromMilliseconds(1);
    internal static readonly TimeSpan MaxRetry = TimeSpan.FromDays(1);
    internal static readonly TimeSpan MinKeepAlive = TimeSpan.FromMilliseconds(10);
    internal static readonly TimeSpan MaxKeepAlive = TimeSpan.FromSeconds(220);
    internal static readonly TimeSpan MinLifetime = TimeSpan.FromMilliseconds(100);
    internal static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(1);

    /// <summary>
    /// How long a client waits before it reconnects, as the opening <c>retry:</c> frame tells it: 1 ms to 1 day, 1 s by default.
    /// </summary>
    public TimeSpan Retry { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a stream may be silent before a keep-alive comment is written: 10 ms to 220 s, 15 s by default. Azure's load balancer
    /// cuts a connection that is silent for 230 s.
    /// </summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The longest lifetime of a stream: 100 ms to 1 day, 5 min by default. Each stream ends itself at a random 80–100 % of it, and its
    /// client reconnects.
    /// </summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a client may read nothing before it is dropped: 100 ms to 1 day, 10 s by default. The time starts when the buffers on both sides are
    /// full (32 to 64 KB on the server), because the server cannot tell before that. From then on, progress is seen in steps of at most 32 KB, so a
    /// client that is behind and reads less than that in the time may be dropped too.
    /// </summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The most streams that are open at once: 1 or more; <see langword="null"/>, the default, for no limit.</summary>
    public int? MaxStreams { get; set; }

    /// <summary>
    /// The most streams that one client has open at once on this instance: 1 or more; <see langword="null"/>, the default, for no limit. A
    /// client is the subject of its ticket; without a ticket, it is an IPv4 address or an IPv6 network of 64 bits.
    /// </summary>
    public int? MaxStreamsPerClient { get; set; }

    /// <summary>
    /// How many proxies in front of the app append to <c>X-Forwarded-For</c>: 0 to 10. With 0, the default, a client's address is that of
    /// its connection; with 1 it is the last one in the header, with 2 the one before. Count only proxies that no client can bypass;
    /// otherwise clients can choose their address.
    /// </summary>
    public int Proxies { get; set; }

    /// <summary>
    /// A request header with the client's address, which the front end overwrites in each request: an address, or an address and a port.
    /// <see langword="null"/>, the default, for none. If it is set, <see cref="Proxies"/> is ignored. A request without the header, or with another
    /// value in it, counts by the address of its connection.
    /// </summary>
    public string? ClientHeader { get; set; }

    /// <summary>
    /// The other origins whose pages may read the streams: <c>none</c>, the default; <c>*</c> for all; or a list of origins as browsers
    /// send them, such as <c>https://example.com</c>, <c>https://*.example.com</c> for all hosts below a name, and <c>null</c> for pages
    /// without an origin. In configuration the list is separated by spaces, or an array. Pages of listed origins may send credentials.
    /// </summary>
    public IReadOnlyList<string> AllowedOrigins { get; set; } = ["none"];

    /// <summary>
    /// Bytes of a comment that follows the opening <c>retry:</c> frame: 0 to 65,536, 0 by default. It fills the buffer of a proxy that holds
    /// back the first 2 or 4 KB of a response.
    /// </summary>
    public int Padding { get; set; }
}
