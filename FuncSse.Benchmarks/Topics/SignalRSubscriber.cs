using System.Net;
using System.Text;
using System.Text.Json;

namespace FuncSse.Benchmarks;

/// <summary>
/// One connection of SignalR over server-sent events: it is negotiated, opened, and then told its protocol (aspnetcore,
/// <c>TransportProtocols.md</c> and <c>HubProtocol.md</c>).
/// </summary>
internal sealed class SignalRSubscriber : TopicSubscriber
{
    private readonly string _host;
    private readonly string _topic;
    private readonly HttpClient _http;

    public SignalRSubscriber(IPEndPoint server, string topic, HttpClient http)
        : base(server, topic) => (_host, _topic, _http) = (server.ToString(), topic, http);

    public override void Open()
    {
        using HttpResponseMessage answer = Post($"/negotiate?negotiateVersion=1&topic={_topic}", "");
        using var body = JsonDocument.Parse(answer.Content.ReadAsStream());
        string query = $"?id={body.RootElement.GetProperty("connectionToken").GetString()}&topic={_topic}";
        Open(Encoding.ASCII.GetBytes($"GET /hub{query} HTTP/1.1\r\nHost: {_host}\r\nAccept: text/event-stream\r\n\r\n"));
        SpinWait.SpinUntil(() => FirstByte != 0 || Fault is not null);
        Post(query, "{\"protocol\":\"json\",\"version\":1}\u001e").Dispose();
    }

    private HttpResponseMessage Post(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{_host}/hub{path}") { Content = new StringContent(body) };
        return _http.Send(request).EnsureSuccessStatusCode();
    }
}
