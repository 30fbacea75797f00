using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Topics;

/// <summary>What a subscriber chooses in the query of its request, as far as the app has not chosen.</summary>
/// <param name="Types">The types of the events that are sent, <see langword="null"/> in it for events without one; <see langword="null"/> for all.</param>
/// <param name="Envelope">Whether the data of an event is JSON that names the topic.</param>
/// <param name="Positions">Whether there are position frames.</param>
/// <param name="Values">Whether the answer is the retained values, and no stream.</param>
internal sealed record TopicQuery(IReadOnlyCollection<string?>? Types, bool Envelope, bool Positions, bool Values)
{
    /// <summary>Reads what the query says.</summary>
    /// <exception cref="ArgumentException">It says something that is not allowed. The message has one line.</exception>
    public static TopicQuery Read(HttpRequest request) => new(
        request.FindAllInQuery("type") is { Count: > 0 } types ? [.. types.Select(EventType.Normalize)] : null,
        request.FindAllInQuery("envelope") switch
        {
            [] => false,
            ["json"] => true,
            _ => throw new ArgumentException("?envelope= must be json."),
        },
        ReadSwitch(request, "positions") ?? true,
        ReadSwitch(request, "values") ?? false);

    /// <summary>Reads <c>true</c> or <c>false</c>; <see langword="null"/> if the query does not have the name.</summary>
    /// <exception cref="ArgumentException">The value is another one, or there are several.</exception>
    public static bool? ReadSwitch(HttpRequest request, string name) => request.FindAllInQuery(name) switch
    {
        [] => null,
        ["true"] => true,
        ["false"] => false,
        _ => throw new ArgumentException($"?{name}= must be true or false."),
    };

    /// <summary>Whether the events of this type are sent.</summary>
    public bool Accepts(string? type) => Types is null || Types.Contains(type);
}
