using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace FuncSse.Streaming;

/// <summary>
/// Makes clients come back more and more slowly to an address whose feed keeps failing or has ended. It counts by address and not by client, because
/// a client does not say how often it has asked. Where a count is forgotten, the waits begin again.
/// </summary>
internal sealed class SseBackoff(TimeProvider time)
{
    private const int MaxAddresses = 4096;
    private static readonly TimeSpan s_maxWait = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, (int Times, long Since)> _addresses = [];

    /// <summary>
    /// How long the client waits: one to five times its <c>retry</c>, which doubles with each failure, up to 5 minutes. Failures count as one until
    /// the first client can be back, so all clients whose feeds fail at the same moment come back soon.
    /// </summary>
    public TimeSpan GetWait(HttpRequest request, TimeSpan retry, bool isFailure)
    {
        int key = GetKey(request, isFailure);
        lock (_gate)
        {
            if (_addresses.Count >= MaxAddresses)
            {
                _addresses.Clear();
            }

            (int times, long since) = _addresses.GetValueOrDefault(key);
            TimeSpan age = time.GetElapsedTime(since);
            if (times == 0 || age >= 4 * s_maxWait)
            {
                (times, since) = (1, time.GetTimestamp());
            }
            else if (age >= MinWait(retry, times))
            {
                (times, since) = (times + 1, time.GetTimestamp());
            }

            _addresses[key] = (times, since);
            return SseDelays.HostGone(MinWait(retry, times)); // Random, so that they do not return together.
        }
    }

    /// <summary>A feed has worked at this address.</summary>
    public void Reset(HttpRequest request)
    {
        lock (_gate)
        {
            if (_addresses.Count > 0)
            {
                _addresses.Remove(GetKey(request, isFailure: true));
            }
        }
    }

    private static TimeSpan MinWait(TimeSpan retry, int times) => retry * Math.Clamp(s_maxWait / 5 / retry, 1, Math.Pow(2, times - 1));

    // At the end of a feed, all clients have the same last event id. A feed that keeps failing may send events in between, and their ids may
    // be in the query.
    private static int GetKey(HttpRequest request, bool isFailure)
    {
        var key = new HashCode();
        key.Add(request.Path.Value);
        key.Add(isFailure ? null : request.GetLastEventId());
        key.Add(isFailure);
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(request.QueryString.Value))
        {
            if (!SseHttpRequestExtensions.IsLastEventId(pair.DecodeName().Span))
            {
                key.Add(string.GetHashCode(pair.EncodedName.Span));
                key.Add(string.GetHashCode(pair.EncodedValue.Span));
            }
        }

        return key.ToHashCode();
    }
}
