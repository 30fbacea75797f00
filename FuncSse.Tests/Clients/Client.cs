using System.Text.Json;

namespace FuncSse.Tests.Clients;

/// <summary>Where a client runs.</summary>
internal enum Place
{
    Node,
    Chromium,
    Firefox,
    DotNet,
}

/// <summary>A client that the tests run.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Place">Where it runs.</param>
/// <param name="Adapter">Its adapter in <c>adapters.mjs</c>.</param>
/// <param name="Package">The npm package whose version is shown, if there is one.</param>
internal sealed record Client(string Name, Place Place, string Adapter = "", string? Package = null)
{
    /// <summary>Where the relay does not cut, since the client is known to fail there.</summary>
    public Spared Spared { get; init; }

    /// <summary>Whether it asks again for ever after 400. Then there is no end to see.</summary>
    public bool IgnoresRefusals { get; init; }

    /// <summary>Whether it gives up when a connection is refused.</summary>
    public bool EndsWhenRefused { get; init; }

    /// <summary>Whether it begins anew, without its last event id, after a 5xx.</summary>
    public bool ForgetsIds { get; init; }

    /// <summary>The oldest Node that it runs on.</summary>
    public int Node { get; init; }

    /// <summary>What an app sets, in the words of the table.</summary>
    public string Settings { get; init; } = "";

    /// <summary>All clients that come back by themselves, in the order of the table.</summary>
    public static readonly Client[] Resuming =
    [
        new("Chromium", Place.Chromium, "EventSource of the same origin"),
        new("Chromium, from another origin", Place.Chromium, "EventSource"),
        new("Firefox", Place.Firefox, "EventSource of the same origin") { Spared = Spared.BeforeBodies },
        new("Firefox, from another origin", Place.Firefox, "EventSource")
        {
            Spared = Spared.BeforeBodies,
            EndsWhenRefused = true,
            Settings = "[funcsse.js](browser.md), since it gives up when a connection is refused",
        },
        new("[funcsse.js](browser.md)", Place.Chromium, "funcsse.js"),
        new("[funcsse.js](browser.md)", Place.Firefox, "funcsse.js"),
        new("reconnecting-eventsource", Place.Chromium, "reconnecting-eventsource", "reconnecting-eventsource")
        {
            IgnoresRefusals = true,
            Settings = "`addEventListener`, since `onmessage` forgets the id after a 5xx; `close()` on `expired`",
        },
        new("@microsoft/fetch-event-source", Place.Chromium, "fetch-event-source", "@microsoft/fetch-event-source")
        {
            Spared = Spared.AfterIds,
            Settings = "[this recipe](#fetch-event-source)",
        },
        new("sse.js", Place.Chromium, "sse.js", "sse.js")
        {
            Settings = "`autoReconnect: true`; `close()` when its `open` event has the status 204, 400, 401 or 403",
        },
        new("event-source-polyfill", Place.Chromium, "event-source-polyfill", "event-source-polyfill")
        {
            Settings = "`Sse__KeepAlive` below its `heartbeatTimeout` of 45 s",
        },
        new("htmx-ext-sse", Place.Chromium, "htmx-ext-sse", "htmx-ext-sse")
        {
            IgnoresRefusals = true,
            ForgetsIds = true,
            Settings = "`sse-close=\"expired\"`; across origins `htmx.createEventSource = (url) => new EventSource(url)`",
        },
        new("eventsource", Place.Node, "eventsource", "eventsource")
        {
            Settings = "keep the process alive, since it ends while the client waits for its next connection",
        },
        new("eventsource 2 (Debian's node-eventsource)", Place.Node, "eventsource2", "eventsource2") { Spared = Spared.WithinEvents },
        new("eventsource-client", Place.Node, "eventsource-client", "eventsource-client")
        {
            Settings = "a `fetch` that calls `close()` at 204, 400, 401 and 403",
        },
        new("extended-eventsource", Place.Node, "extended-eventsource", "extended-eventsource")
        {
            Spared = Spared.AfterIds,
            Settings = "skip messages without data: it takes a `retry` for one",
        },
        new("launchdarkly-eventsource", Place.Node, "launchdarkly-eventsource", "launchdarkly-eventsource")
        {
            Settings = "`readTimeoutMillis: 60000`, since it gives up a quiet stream after 5 s",
        },
        new("undici", Place.Node, "undici", "undici") { Node = 22, Settings = "likewise keep the process alive" },
        new("[FuncSse.Client](client.md)", Place.DotNet, "FuncSse.Client"),
        new("SseParser", Place.DotNet) { Settings = "a loop that resumes after `SseItem.EventId`, and not after `SseParser.LastEventId`, which may be the id of an event that was cut" },
    ];

    /// <summary>All clients that ask once for an answer, with the format of the answer.</summary>
    public static readonly (Client Client, string Format)[] Asking =
    [
        (new("openai", Place.Node, "openai", "openai"), "openai"),
        (new("ai", Place.Node, "ai", "ai"), "ai"),
        (new("@ag-ui/client", Place.Node, "@ag-ui/client", "@ag-ui/client"), "ag-ui"),
        (new("@microsoft/fetch-event-source", Place.Chromium, "fetch-event-source POST", "@microsoft/fetch-event-source"), "text"),
        (new("[funcsse.js](browser.md#a-stream-that-answers-a-post)", Place.Chromium, "funcsse.js post"), "text"),
    ];

    /// <summary>The version in the lock file, and of what the client runs in.</summary>
    public string Version(IReadOnlyDictionary<Place, string> places) =>
        Package is null ? places[Place] : $"{PackageVersion()}, {places[Place]}";

    private string PackageVersion()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(ClientServer.Packages, Package!, "package.json")));
        return json.RootElement.GetProperty("version").GetString()!;
    }
}
