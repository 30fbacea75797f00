using System.Diagnostics;
using System.Net;
using System.Text;

namespace FuncSse.Benchmarks;

/// <summary>Publishes numbered events over HTTP.</summary>
internal sealed class Publisher(IPEndPoint server) : IDisposable
{
    /// <summary>Bytes of each event's data.</summary>
    public const int DataSize = 100;

    private readonly HttpClient _http = new() { BaseAddress = new Uri($"http://{server}/topics/") };
    private readonly List<long> _sent = [];

    /// <summary>The number of the newest event.</summary>
    public long Newest => _sent.Count;

    /// <summary>The data of an event.</summary>
    public static string Data(long number) => $"{number} ".PadRight(DataSize, 'x');

    /// <summary>From the publishing of an event to a Stopwatch's time, in ms.</summary>
    public double SinceSent(long number, long arrival) => Stopwatch.GetElapsedTime(_sent[(int)number - 1], arrival).TotalMilliseconds;

    /// <summary>Publishes an event that does not count.</summary>
    public void SendHello(string topic) => Send(topic, LoadStream.Hello);

    /// <summary>Publishes the next event.</summary>
    /// <returns>What the server answered: for FuncSse, the event's id.</returns>
    public string PublishNext(string topic = "x")
    {
        _sent.Add(Stopwatch.GetTimestamp());
        return Send(topic, Newest);
    }

    /// <summary>Publishes at a steady rate, in events a second. The topic of each follows from its number.</summary>
    public void Publish(int rate, TimeSpan time, Func<long, string> topic)
    {
        long start = Stopwatch.GetTimestamp();
        for (int done = 0; done < (int)(rate * time.TotalSeconds); done++)
        {
            TimeSpan wait = TimeSpan.FromSeconds((double)done / rate) - Stopwatch.GetElapsedTime(start);
            Thread.Sleep(wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            PublishNext(topic(Newest + 1));
        }
    }

    /// <summary>Publishes from several publishers at once, each one event after another.</summary>
    /// <returns>How many events.</returns>
    public int PublishAtOnce(int publishers, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        int published = 0;
        Task.WaitAll(Enumerable.Range(0, publishers).Select(async _ =>
        {
            while (Stopwatch.GetElapsedTime(start) < time)
            {
                using HttpResponseMessage answer = await _http.PostAsync("x", Content(1));
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

    private static ByteArrayContent Content(long number) => new(Encoding.ASCII.GetBytes(Data(number)));
}
