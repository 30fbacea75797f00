namespace FuncSse.Topics;

/// <summary>The settings of the topics of a process: the section <c>Topics</c> of the configuration.</summary>
public sealed class TopicOptions
{
    /// <summary>The name of the configuration section.</summary>
    public const string Section = "Topics";

    /// <summary>Where events are kept: <c>memory</c>, the default, <c>storage</c> or <c>redis</c>.</summary>
    public string Log { get; set; } = "memory";

    /// <summary>
    /// The container's name or the stream's key: <c>funcsse-topics</c> by default. Apps with the same name and connection share their topics.
    /// It has 3 to 63 lower-case letters, digits and single hyphens.
    /// </summary>
    public string Name { get; set; } = "funcsse-topics";

    /// <summary>The name of the storage connection, resolved as Azure Functions resolves it: <c>AzureWebJobsStorage</c> by default.</summary>
    public string Storage { get; set; } = "AzureWebJobsStorage";

    /// <summary>
    /// The configuration string of StackExchange.Redis, or the name of a connection string that has it; <see langword="null"/>, the default, where
    /// Redis is not used.
    /// </summary>
    public string? Redis { get; set; }

    /// <summary>How long an event is kept, and so how far back a client can resume: 1 min to 30 days, 1 h by default.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The most bytes of events that are kept: 1 MB or more, 1 GB by default.</summary>
    public long MaxLogSize { get; set; } = 1L << 30;

    /// <summary>The most bytes of UTF-8 that the data of one event may have: 1 to 1,048,576; 262,144 by default.</summary>
    public int MaxEventSize { get; set; } = 256 * 1024;

    /// <summary>How many bytes of the newest events each process keeps in memory: 64 KB or more, 16 MB by default.</summary>
    public int RingSize { get; set; } = 16 << 20;

    /// <summary>The time between two polls of the storage while there is traffic: 10 ms to 10 s, 150 ms by default.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMilliseconds(150);

    /// <summary>The most topics and patterns that one stream may have: 1 to 10,000; 64 by default.</summary>
    public int MaxTopicsPerStream { get; set; } = 64;

    /// <summary>
    /// The most events a second that each key may publish over HTTP on this instance: 1 or more; <see langword="null"/>, the default, for
    /// no limit.
    /// </summary>
    public int? MaxPublishRate { get; set; }

    /// <summary>The most topics that may have a retained value: 0 to 1,000,000; 10,000 by default.</summary>
    public int MaxRetained { get; set; } = 10_000;

    /// <summary>The most feeds that are recorded at a time in a process: 1 to 100,000; 1,000 by default.</summary>
    public int MaxRecordings { get; set; } = 1000;

    /// <summary>The longest lifetime of a ticket: 1 s to 365 days, 24 h by default. Tickets that live longer are refused.</summary>
    public TimeSpan MaxTicketLifetime { get; set; } = TimeSpan.FromHours(24);

    /// <summary>The names and patterns that need no ticket: none by default.</summary>
    public IReadOnlyList<string> Public { get; set; } = [];

    /// <summary>
    /// The keys for publishing over HTTP; a request needs one of them. Without a key, the default, only this machine may publish over HTTP. On Azure
    /// Functions the function key takes their place.
    /// </summary>
    public IReadOnlyList<string> PublishKey { get; set; } = [];

    /// <summary>
    /// The keys of tickets, each at least 32 bytes of UTF-8. The first one signs new tickets, and tickets of all keys are accepted. Without a
    /// key, the default, topics are public.
    /// </summary>
    public IReadOnlyList<string> SigningKey { get; set; } = [];

    /// <summary>How long retained values are kept; <see langword="null"/> for ever.</summary>
    internal TimeSpan? ValueLifetime { get; private set; }

    /// <summary>The same options for another log, whose retained values are kept for as long as events, and for 15 minutes at least.</summary>
    internal TopicOptions WithValuesThatExpire(string name)
    {
        var copy = (TopicOptions)MemberwiseClone();
        copy.Name = name;
        copy.ValueLifetime = TimeSpan.FromTicks(Math.Max(Retention.Ticks, TimeSpan.FromMinutes(15).Ticks));
        return copy;
    }

    internal static bool IsSigningKey(string key) => System.Text.Encoding.UTF8.GetByteCount(key) >= 32;
}
