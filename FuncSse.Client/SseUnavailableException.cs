using System.Net.Http.Headers;

namespace FuncSse.Client;

/// <summary>The server has answered with a status that may be another one later.</summary>
internal sealed class SseUnavailableException(string message, RetryConditionHeaderValue? retryAfter) : IOException(message)
{
    /// <summary>The wait that the server asks for, if it does.</summary>
    public RetryConditionHeaderValue? RetryAfter { get; } = retryAfter;
}
