using System.Runtime.CompilerServices;

namespace FuncSse.Streaming;

/// <summary>
/// What an event's fields may hold. Ids and types are refused when they could not come back as they left: a line break would forge a
/// frame, a NUL makes the client ignore an id (WHATWG HTML §9.2.6), a header loses the spaces at its ends (RFC 9110 §5.5), and the Functions
/// host answers 500 to a header beyond ASCII, after which a browser never comes back.
/// </summary>
internal static class SseFields
{
    public const int MaxIdLength = 1024;

    public static void CheckId(string? id, [CallerArgumentExpression(nameof(id))] string? name = null)
    {
        if (id is not null && (id.Length > MaxIdLength || id.AsSpan().ContainsAnyExceptInRange(' ', '~') || id.StartsWith(' ') || id.EndsWith(' ')))
        {
            throw new ArgumentException(
                $"An id is at most {MaxIdLength} printable ASCII characters without spaces at its ends, so that it comes back as it left.", name);
        }
    }

    public static void CheckType(string? type, [CallerArgumentExpression(nameof(type))] string? name = null)
    {
        if (type is not null && type.Any(char.IsControl))
        {
            throw new ArgumentException("An event's type holds no control characters.", name);
        }
    }
}
