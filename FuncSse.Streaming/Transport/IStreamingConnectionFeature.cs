namespace FuncSse.Streaming;

/// <summary>Tells a connection when it carries event streams; over HTTP/2 it carries many at once.</summary>
internal interface IStreamingConnectionFeature
{
    void StreamStarted();

    void StreamEnded();
}
