namespace FuncSse.Topics;

/// <summary>The types of events that publishers may use.</summary>
internal static class EventType
{
    /// <summary>The greatest length of a type, in characters.</summary>
    public const int MaxLength = 256;

    /// <summary>What the publisher's type is on the wire: <see langword="null"/> where it is the default one.</summary>
    /// <exception cref="ArgumentException">It is not for publishers, or could not come back from the wire as it left.</exception>
    public static string? Normalize(string? type)
    {
        if (type is null or "" or "message")
        {
            return null;
        }

        return Refusal(type) is { } refusal ? throw new ArgumentException(refusal, nameof(type)) : type;
    }

    /// <summary>Whether a record may carry the type.</summary>
    public static bool IsValid(string? type) => type is null || (type is not ("" or "message") && Refusal(type) is null);

    private static string? Refusal(string type) => type switch
    {
        // The first four are frames of the stream itself; the other two would fire handlers that the browser calls on its own account.
        "position" or "reset" or "expired" or "keep-alive" or "error" or "open" => $"The event type '{type}' is not for publishers.",
        { Length: > MaxLength } => $"An event type has at most {MaxLength} characters.",
        _ when type.Any(char.IsControl) => "An event type holds no control characters.",
        _ when type[0] == ' ' || type[^1] == ' ' => "An event type neither begins nor ends with a space.",
        _ when HasLoneSurrogate(type) => "An event type is text: it holds no half of a surrogate pair.",
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
