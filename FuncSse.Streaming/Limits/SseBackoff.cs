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
    private readonly Dictionary<int, (int Times, long Since)> _addresses = [];

    /// <summary>
    /// How long the client waits now: one to five times its <c>retry</c>, twice as long with each time, up to 5 minutes. A time is over when
    /// the first client may be back, so all whose feeds fail in the same moment come back soon.
    /// </summary>
    public TimeSpan Next(HttpRequest request, TimeSpan retry, bool isFailure)
    {
        int key = Key(request, isFailure);
        lock (_gate)
        {
            if (_addresses.Count >= MaxAddresses)
            {
                _addresses.Clear();
            }

            (int times, long since) = _addresses.GetValueOrDefault(key);
            TimeSpan age = time.GetElapsedTime(since);
            if (times == 0 || age >= 4 * MaxWait)
            {
                (times, since) = (1, time.GetTimestamp());
            }
            else if (age >= Least(retry, times))
            {
                (times, since) = (times + 1, time.GetTimestamp());
            }

            _addresses[key] = (times, since);
            return SseDelays.HostGone(Least(retry, times)); // At random: not all at once.
        }
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

    private static TimeSpan Least(TimeSpan retry, int times) => retry * Math.Clamp(MaxWait / 5 / retry, 1, Math.Pow(2, times - 1));

    // At the end of a feed each client has the same last event id; one that keeps failing may have said something in between.
    private static int Key(HttpRequest request, bool isFailure) =>
        HashCode.Combine(request.Path.Value, request.QueryString.Value, isFailure, isFailure ? null : request.GetLastEventId());
}
