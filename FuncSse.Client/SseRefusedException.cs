using System.Net;

namespace FuncSse.Client;

/// <summary>The server has answered so that trying again cannot help. The message says why.</summary>
public sealed class SseRefusedException : Exception
{
    internal SseRefusedException(string message, HttpStatusCode? statusCode, string? firstLine, Exception? innerException)
        : base(message, innerException) => (StatusCode, FirstLine) = (statusCode, firstLine);

    /// <summary>The status of the response. <see langword="null"/> if there was none because the server's certificate was refused.</summary>
    public HttpStatusCode? StatusCode { get; }

    /// <summary>The first line of the response's body, 200 characters at most, if it has one.</summary>
    public string? FirstLine { get; }
}
