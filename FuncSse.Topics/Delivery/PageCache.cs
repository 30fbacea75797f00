namespace FuncSse.Topics;

/// <summary>The pages that were read last, bounded in bytes. For one thread.</summary>
internal sealed class PageCache(long maxBytes)
{
    /// <summary>How long pages are kept when nobody asks for one.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(5);

    private readonly List<EventPage> _pages = [];
    private long _bytes;

    public EventPage? Find(CatchUpRequest request) => _pages.Find(request.IsServedBy);

    public void Add(EventPage page)
    {
        _pages.Add(page);
        _bytes += page.Size;
        while (_bytes > maxBytes && _pages.Count > 1)
        {
            _bytes -= _pages[0].Size;
            _pages.RemoveAt(0);
        }
    }

    public void Clear()
    {
        _pages.Clear();
        _bytes = 0;
    }
}
