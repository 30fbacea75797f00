using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>Publishes numbered events of 100 bytes over HTTP.</summary>
internal sealed class TopicPublishers(IPEndPoint server) : IDisposable
{
    public const int DataSize = 100;

    private readonly HttpClient _http = new() { BaseAddress = new Uri($"http://{server}/topics/") };
    private readonly List<long> _sent = [];

    /// <summary>The number of the newest event.</summary>
    public long Newest => _sent.Count;

    /// <summary>When event <paramref name="number"/> was asked for, in Stopwatch ticks.</summary>
    public long Sent(long number) => _sent[(int)number - 1];

    public void Hello(string topic = "x") => Send(topic, TopicSubscriber.Hello);

    /// <summary>Publishes the next event.</summary>
    /// <returns>What the server answered: for FuncSse, the event's id.</returns>
    public string PublishNext(string topic = "x")
    {
        _sent.Add(Stopwatch.GetTimestamp());
        return Send(topic, Newest);
    }

    /// <summary>Publishes at a steady rate.</summary>
    public void Publish(int rate, TimeSpan time, Func<long, string>? topic = null)
    {
        long start = Stopwatch.GetTimestamp();
        int due = (int)(rate * time.TotalSeconds);
        for (int done = 0; done < due; done++)
        {
            TimeSpan wait = TimeSpan.FromSeconds((double)done / rate) - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                Thread.Sleep(wait);
            }

            PublishNext(topic is null ? "x" : topic(Newest + 1));
        }
    }

    /// <summary>Publishes by many at once, each one event after another.</summary>
    /// <returns>How many events.</returns>
    public int PublishAtOnce(int publishers, TimeSpan time, string topic = "x")
    {
        long start = Stopwatch.GetTimestamp();
        int published = 0;
        Task.WaitAll(Enumerable.Range(0, publishers).Select(async _ =>
        {
            while (Stopwatch.GetElapsedTime(start) < time)
            {
                using HttpResponseMessage answer = await _http.PostAsync(topic, Content(1));
                answer.EnsureSuccessStatusCode();
                Interlocked.Increment(ref published);
            }
        }));
        return published;
    }

    public void Dispose() => _http.Dispose();

    private string Send(string topic, long number)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, topic) { Content = Content(number) };
        using HttpResponseMessage answer = _http.Send(request);
        answer.EnsureSuccessStatusCode();
        using var body = new StreamReader(answer.Content.ReadAsStream());
        return body.ReadToEnd();
    }

    private static ByteArrayContent Content(long number) =>
        new(Encoding.ASCII.GetBytes($"{number.ToString(CultureInfo.InvariantCulture)} ".PadRight(DataSize, 'x')));
}
