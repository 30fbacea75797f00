using Microsoft.Extensions.Configuration;

namespace FuncSse.Streaming;

/// <summary>The settings of all streams of a process: the configuration's section <c>Sse</c>.</summary>
public sealed class SseOptions
{
    /// <summary>The name of the configuration's section.</summary>
    public const string Section = "Sse";

    /// <summary>The time between two counts of the counter: 1 ms to 1 day, 1 s by default.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What the opening <c>retry:</c> frame tells the client to wait before it comes back: 1 ms to 1 day, 1 s by default.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long nothing may have been written before a comment is: 10 ms to 220 s, 15 s by default. The platform's load balancer cuts a
    /// connection that is silent for 230 s.
    /// </summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The longest that a stream lasts: 100 ms to 1 day, 5 min by default. Each ends at a random 80–100 % of it. It must stay under
    /// host.json's <c>functionTimeout</c>, which takes the whole worker with it.
    /// </summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a client may take no byte before it is dropped: 100 ms to 1 day, 10 s by default. It counts from when what the systems on
    /// either side hold for it is full, the server's 32 to 64 KB: until then nobody can tell. From then on what it takes is seen in steps of
    /// some 32 KB at most: one that is behind and reads less than that in the time may be dropped too.
    /// </summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many streams may be open at once: 1 or more; <see langword="null"/>, the default, for no limit.</summary>
    public int? MaxStreams { get; init; }

    /// <summary>
    /// The origins whose pages may read the streams, each as a browser sends it (<c>https://example.com</c>), or <c>*</c>, the default,
    /// for all.
    /// </summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = ["*"];

    /// <summary>Reads the section <c>Sse</c> and checks it.</summary>
    /// <param name="configuration">The app's configuration.</param>
    /// <param name="hostJson">The path of host.json, whose <c>functionTimeout</c> no stream may reach; it need not exist.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">
    /// A setting is not what is allowed, or is none at all; the message names it in one line, with its value and what is allowed.
    /// </exception>
    public static SseOptions Read(IConfiguration configuration, string hostJson)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var reader = new SseOptionsReader(configuration.GetSection(Section));
        var defaults = new SseOptions();
        var options = new SseOptions
        {
            Interval = reader.Time(nameof(Interval), defaults.Interval, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
            Retry = reader.Time(nameof(Retry), defaults.Retry, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
            KeepAlive = reader.Time(nameof(KeepAlive), defaults.KeepAlive, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(220)),
            MaxDuration = reader.Time(nameof(MaxDuration), defaults.MaxDuration, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1)),
            WriteTimeout = reader.Time(nameof(WriteTimeout), defaults.WriteTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1)),
            MaxStreams = reader.Count(nameof(MaxStreams)),
            AllowedOrigins = reader.Origins(nameof(AllowedOrigins), defaults.AllowedOrigins),
        };
        reader.CheckLifetime(nameof(MaxDuration), options.MaxDuration, () => FunctionTimeout.Read(configuration, hostJson));
        reader.ThrowIfFailed();
        return options;
    }
}
