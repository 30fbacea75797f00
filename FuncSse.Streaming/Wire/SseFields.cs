using System.Runtime.CompilerServices;

namespace FuncSse.Streaming;

/// <summary>
/// What an event's fields may contain. Ids and types that a client could not send back unchanged are refused: a line break would forge a
/// frame, a client ignores an id with a NUL (WHATWG HTML §9.2.6), a header loses the spaces at its ends (RFC 9110 §5.5), and the Functions
/// host answers 500 to a header beyond ASCII, after which a browser never returns.
/// </summary>
internal static class SseFields
{
    public const int MaxIdLength = 1024;

    public static void CheckId(string? id, [CallerArgumentExpression(nameof(id))] string? name = null)
    {
        if (id is not null && (id.Length > MaxIdLength || id.AsSpan().ContainsAnyExceptInRange(' ', '~') || id.StartsWith(' ') || id.EndsWith(' ')))
        {
            throw new ArgumentException(
                $"An id has at most {MaxIdLength} printable ASCII characters and no spaces at its ends, so that a client can send it back unchanged.", name);
        }
    }

    public static void CheckType(string? type, [CallerArgumentExpression(nameof(type))] string? name = null)
    {
        if (type is not null && type.Any(char.IsControl))
        {
            throw new ArgumentException("An event's type must not contain control characters.", name);
        }
    }
}
