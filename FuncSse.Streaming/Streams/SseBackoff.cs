using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>
/// Lets clients come back ever more slowly where that is of no use: to an address whose feed keeps failing, or to the end of a feed that is
/// over. It knows addresses and not clients, since a client does not say how often it has asked; what is forgotten begins anew.
/// </summary>
internal sealed class SseBackoff(TimeProvider time)
{
    private const int MaxAddresses = 4096;
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, (int Times, long Last)> _addresses = [];

    /// <summary>How long the client waits now: one to five times its <c>retry</c>, twice as long with each time, up to some 5 minutes.</summary>
    public TimeSpan Next(HttpRequest request, TimeSpan retry, bool isFailure)
    {
        int key = Key(request, isFailure);
        int times;
        lock (_gate)
        {
            if (_addresses.Count >= MaxAddresses)
            {
                _addresses.Clear();
            }

            (int before, long last) = _addresses.GetValueOrDefault(key);
            times = before > 0 && time.GetElapsedTime(last) < 4 * MaxWait ? before : 0;
            _addresses[key] = (times + 1, time.GetTimestamp());
        }

        TimeSpan wait = SseDelays.HostGone(retry);
        TimeSpan longest = SseDelays.HostGone(MaxWait) / 5; // At random too: not all at once.
        return wait > longest ? wait : wait * Math.Min(Math.Pow(2, times), longest / wait);
    }

    /// <summary>A feed has done well at this address.</summary>
    public void Reset(HttpRequest request)
    {
        lock (_gate)
        {
            if (_addresses.Count > 0)
            {
                _addresses.Remove(Key(request, isFailure: true));
            }
        }
    }

    // At the end of a feed each client has the same last event id; one that keeps failing may have said something in between.
    private static int Key(HttpRequest request, bool isFailure) =>
        HashCode.Combine(request.Path.Value, request.QueryString.Value, isFailure, isFailure ? null : request.GetLastEventId());
}
