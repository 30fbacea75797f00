using System.Buffers;

namespace FuncSse.Topics;

/// <summary>
/// The names of topics: 1 to 256 characters of RFC 3986's unreserved characters, <c>:</c>, <c>@</c>, <c>,</c> and <c>/</c>, without an
/// empty, <c>.</c> or <c>..</c> segment. A pattern ends with the segment <c>*</c>; only subscribers can use one.
/// </summary>
public static class TopicName
{
    /// <summary>The most characters of a name or a pattern.</summary>
    public const int MaxLength = 256;

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@,/");

    /// <summary>Whether an event can be published to this name.</summary>
    /// <param name="name">The name; <see langword="null"/> is none.</param>
    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= MaxLength } && !name.AsSpan().ContainsAnyExcept(s_allowed) && HasValidSegments(name);

    /// <summary>
    /// Whether this can be subscribed to: a name, or a pattern such as <c>orders/*</c>, which covers all names that begin with
    /// <c>orders/</c> (not <c>orders</c> itself). <c>*</c> alone covers every name.
    /// </summary>
    /// <param name="nameOrPattern">The name or pattern; <see langword="null"/> is none.</param>
    public static bool IsValidToSubscribe(string? nameOrPattern)
    {
        if (nameOrPattern is null || !IsPattern(nameOrPattern))
        {
            return IsValid(nameOrPattern);
        }

        return nameOrPattern.Length <= MaxLength && (nameOrPattern.Length == 1 || IsValid(nameOrPattern[..^2]));
    }

    /// <summary>Whether the last segment is <c>*</c>.</summary>
    internal static bool IsPattern(string nameOrPattern) =>
        nameOrPattern == "*" || nameOrPattern.EndsWith("/*", StringComparison.Ordinal);

    private static bool HasValidSegments(ReadOnlySpan<char> name)
    {
        foreach (Range segment in name.Split('/'))
        {
            if (name[segment] is "" or "." or "..")
            {
                return false;
            }
        }

        return true;
    }
}
