namespace FuncSse.Tests.Clients;

/// <summary>One client on its way to a server, and what it saw.</summary>
internal sealed class ClientRun(Client client, Relay relay, string path)
{
    private readonly Lock _gate = new();
    private readonly List<string> _events = [];

    public Client Client => client;

    public Relay Relay => relay;

    public Uri Address { get; } = new($"http://127.0.0.1:{relay.Port}{path}");

    /// <summary>What the client said when it told its user that nothing more comes.</summary>
    public string? End { get; private set; }

    /// <summary>How many events there were at <see cref="Mark"/>.</summary>
    public int Marked { get; private set; }

    public int CountSinceMark => Count - Marked;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _events.Count;
            }
        }
    }

    /// <summary>What is wrong with the events, which are numbers from 1 on; nothing if each came once, in order.</summary>
    public string? Fault
    {
        get
        {
            lock (_gate)
            {
                int wrong = _events.Index().FirstOrDefault(one => one.Item != $"{one.Index + 1}", (Index: -1, Item: "")).Index;
                return wrong < 0 ? null : $"after {wrong} came {_events[wrong]}";
            }
        }
    }

    /// <summary>All data that came, as one text.</summary>
    public string Text
    {
        get
        {
            lock (_gate)
            {
                return string.Concat(_events);
            }
        }
    }

    public void Add(string data)
    {
        lock (_gate)
        {
            _events.Add(data);
        }
    }

    public void Mark() => Marked = Count;

    public void Ended(string reason) => End ??= reason;
}
