namespace FuncSse.Streaming;

/// <summary>Tells a connection when it carries event streams; over HTTP/2 it carries many at once.</summary>
internal interface IStreamingConnectionFeature
{
    void StreamStarted();

    void StreamEnded();

    /// <summary>
    /// Sends bytes past the server's response writer, if all that was written before has left and nobody writes meanwhile. What the socket does
    /// not take waits for the next flush, which waits for it.
    /// </summary>
    /// <returns>How many bytes the socket has taken; -1 if nothing was done.</returns>
    int TrySend(ReadOnlySpan<byte> bytes);
}
