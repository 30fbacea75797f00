namespace FuncSse.Topics;

/// <summary>The types of events that publishers may use.</summary>
internal static class EventType
{
    /// <summary>The most characters of a type.</summary>
    public const int MaxLength = 256;

    /// <summary>The type as it is sent: <see langword="null"/> for the default one.</summary>
    /// <exception cref="ArgumentException">The type is reserved, or a client would not receive it unchanged.</exception>
    public static string? Normalize(string? type)
    {
        if (type is null or "" or "message")
        {
            return null;
        }

        // Publishers over HTTP get the message as it is, so it names no parameter.
        return FindFault(type) is { } fault ? throw new ArgumentException(fault) : type;
    }

    /// <summary>Whether a record may carry the type.</summary>
    public static bool IsValid(string? type) => type is null || (type is not ("" or "message") && FindFault(type) is null);

    private static string? FindFault(string type) => type switch
    {
        // The first four are the stream's own frames. The other two would call the handlers that a browser calls for its own events.
        "position" or "reset" or "expired" or "keep-alive" or "error" or "open" => $"The event type '{type}' is reserved.",
        { Length: > MaxLength } => $"An event type has at most {MaxLength} characters.",
        _ when type.Any(char.IsControl) => "An event type must not contain control characters.",
        _ when type[0] == ' ' || type[^1] == ' ' => "An event type must not begin or end with a space.",
        _ when HasLoneSurrogate(type) => "An event type must not contain a lone surrogate.",
        _ => null,
    };

    private static bool HasLoneSurrogate(string type)
    {
        for (int index = 0; index < type.Length; index++)
        {
            if (char.IsSurrogate(type[index]) && !(index + 1 < type.Length && char.IsSurrogatePair(type[index], type[++index])))
            {
                return true;
            }
        }

        return false;
    }
}
