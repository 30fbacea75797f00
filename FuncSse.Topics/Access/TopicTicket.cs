using System.Text.Json;

namespace FuncSse.Topics;

/// <summary>The claims of a valid ticket.</summary>
internal sealed record TopicTicket(TopicSet Topics, DateTimeOffset? Issued, DateTimeOffset Expires, string? Subject)
{
    // In seconds, for clocks that differ. The expiry has no such allowance: access must not last longer than the ticket says.
    private const double ClockSkew = 60;

    private static readonly double s_latest = (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).TotalSeconds - 1;

    /// <summary>Reads the claims; <see langword="null"/> if the ticket is not valid at <paramref name="now"/>.</summary>
    /// <param name="claims">The claims.</param>
    /// <param name="now">The time by the app's clock.</param>
    /// <param name="longest">The longest lifetime of a ticket, from its <c>iat</c>, or from now if it has none.</param>
    public static TopicTicket? Read(JsonElement claims, DateTimeOffset now, TimeSpan longest)
    {
        double seconds = (now - DateTimeOffset.UnixEpoch).TotalSeconds;
        if (!TryGetTime(claims, "exp", out double? end) || !(end > seconds)
            || !TryGetTime(claims, "nbf", out double? begin) || begin > seconds + ClockSkew
            || !TryGetTime(claims, "iat", out double? made) || made > seconds + ClockSkew
            || end > (made ?? seconds) + longest.TotalSeconds)
        {
            return null;
        }

        bool hasSubject = claims.TryGetProperty("sub", out JsonElement subject);
        if (hasSubject && subject.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        return claims.TryGetProperty("topics", out JsonElement topics) && ReadTopics(topics) is { } set
            ? new TopicTicket(
                set,
                made is { } issued ? DateTimeOffset.UnixEpoch.AddSeconds(Math.Max(issued, 0)) : null,
                DateTimeOffset.UnixEpoch.AddSeconds(Math.Min(end.Value, s_latest)),
                hasSubject ? subject.GetString() : null)
            : null;
    }

    private static TopicSet? ReadTopics(JsonElement topics)
    {
        if (topics.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var names = new List<string>(topics.GetArrayLength());
        foreach (JsonElement topic in topics.EnumerateArray())
        {
            if (topic.ValueKind != JsonValueKind.String || topic.GetString() is not { } name || !TopicName.IsValidToSubscribe(name))
            {
                return null;
            }

            names.Add(name);
        }

        return new TopicSet(names);
    }

    // Seconds since 1970, with or without a fraction (RFC 7519 §2).
    private static bool TryGetTime(JsonElement claims, string name, out double? time)
    {
        time = null;
        if (!claims.TryGetProperty(name, out JsonElement claim))
        {
            return true;
        }

        bool isNumber = claim.ValueKind == JsonValueKind.Number && claim.TryGetDouble(out double seconds);
        time = isNumber ? claim.GetDouble() : null;
        return isNumber;
    }
}
