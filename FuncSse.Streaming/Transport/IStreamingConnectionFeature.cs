namespace FuncSse.Streaming;

/// <summary>Tells a connection when it carries event streams. Over HTTP/2 it carries many at once.</summary>
internal interface IStreamingConnectionFeature
{
    void StreamStarted();

    void StreamEnded();

    /// <summary>
    /// Sends bytes past the server's response writer if the socket has taken all earlier bytes. Nothing else may write at the same time. The
    /// bytes that the socket does not take are sent with the next flush, which waits for them.
    /// </summary>
    /// <returns>The number of bytes that the socket has taken; -1 if nothing was done.</returns>
    int TrySend(ReadOnlySpan<byte> bytes);
}
