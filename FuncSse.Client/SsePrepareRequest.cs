namespace FuncSse.Client;

/// <summary>Prepares a request before it is sent: sets a token, another method, a body.</summary>
/// <param name="request">
/// The request, a GET. Each attempt to connect has a new one, and so has each redirect. The headers that are set here are not sent to
/// another origin.
/// </param>
/// <param name="isUnauthorized">
/// Whether the server has just answered 401, so that the token that was sent must not be sent again. A second 401 ends the reading.
/// </param>
/// <param name="cancellationToken">Cancelled when the reading is, or when the time of <see cref="SseClientOptions.Silence"/> has passed.</param>
/// <returns>
/// A task. If it fails with an <see cref="HttpRequestException"/> or an <see cref="IOException"/>, as when a token cannot be fetched now, the
/// client tries again later, as after a lost connection. Any other exception ends the reading.
/// </returns>
public delegate ValueTask SsePrepareRequest(HttpRequestMessage request, bool isUnauthorized, CancellationToken cancellationToken);
