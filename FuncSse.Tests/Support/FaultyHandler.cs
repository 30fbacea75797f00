namespace FuncSse.Tests.Topics;

/// <summary>The network between a real client and a real storage.</summary>
internal sealed class FaultyHandler() : DelegatingHandler(new SocketsHttpHandler())
{
    /// <summary>Called in place of a request; sends it itself if it likes.</summary>
    public Func<HttpRequestMessage, Func<Task<HttpResponseMessage>>, Task<HttpResponseMessage>> OnSend { get; set; } = (_, send) => send();

    public static bool IsAppend(HttpRequestMessage request) =>
        request.RequestUri!.Query.Contains("comp=appendblock", StringComparison.Ordinal);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        OnSend(request, () => base.SendAsync(request, CancellationToken.None));
}
