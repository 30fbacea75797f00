using System.Net;
using System.Text;
using System.Text.Json;

namespace FuncSse.Benchmarks;

/// <summary>
/// One connection of SignalR over server-sent events: it is negotiated, opened, and then told its protocol (aspnetcore,
/// <c>TransportProtocols.md</c> and <c>HubProtocol.md</c>).
/// </summary>
internal sealed class SignalRStream(IPEndPoint server, string topic, HttpClient http) : LoadStream(server, "/hub")
{
    private readonly string _host = server.ToString();

    public override void Open()
    {
        using HttpResponseMessage answer = Post($"/negotiate?negotiateVersion=1&topic={topic}", "");
        using var body = JsonDocument.Parse(answer.Content.ReadAsStream());
        string query = $"?id={body.RootElement.GetProperty("connectionToken").GetString()}&topic={topic}";
        Open(Encoding.ASCII.GetBytes($"GET /hub{query} HTTP/1.1\r\nHost: {_host}\r\nAccept: text/event-stream\r\n\r\n"));
        SpinWait.SpinUntil(() => FirstByte != 0 || Fault is not null);
        Post(query, "{\"protocol\":\"json\",\"version\":1}\u001e").Dispose();
    }

    private HttpResponseMessage Post(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{_host}/hub{path}") { Content = new StringContent(body) };
        return http.Send(request).EnsureSuccessStatusCode();
    }
}
