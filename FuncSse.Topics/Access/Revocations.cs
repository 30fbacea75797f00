using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace FuncSse.Topics;

/// <summary>Which subjects have lost the rights that they had until a certain time.</summary>
/// <remarks>
/// A revocation is a retained event of the reserved topic <c>$revoked/hash</c>, and its time is that of the event. While the hub follows the log, it
/// passes on each of them. Otherwise they are read when a ticket is checked.
/// </remarks>
internal sealed class Revocations(IEventLog log, TopicOptions options, TimeProvider time)
{
    private const string Prefix = "$revoked/";

    // A client must not wait for the log for longer: it is told to come back.
    private static readonly TimeSpan s_readLimit = TimeSpan.FromSeconds(2);
    private static readonly TopicSet s_all = TopicSet.Reserved(Prefix);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _revoked = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private Task? _reading;
    private bool _wasRead;
    private bool _isFollowed;
    private bool _isCurrent;

    /// <summary>Whether the app uses subjects, so that revocations count.</summary>
    public bool AreNeeded { get; private set; }

    /// <summary>The topic of a subject's revocation. Any text can be a subject, so its hash stands for it.</summary>
    public static string TopicOf(string subject) => Prefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(subject)));

    /// <summary>Whether an event of a reserved topic is a revocation.</summary>
    public static bool IsTopic(string topic) => topic.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Whether rights of the subject that were given at a time are revoked.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="given">When they were given; <see langword="null"/> if that is not known.</param>
    public bool IsRevoked(string subject, DateTimeOffset? given) =>
        _revoked.TryGetValue(TopicOf(subject), out DateTimeOffset revoked)
        && (given is null || given <= revoked)
        && time.GetUtcNow() - revoked < options.MaxTicketLifetime;

    /// <summary>Called when a subject's rights are revoked, with the topic of the revocation and the time until which it counts.</summary>
    public Action<string, DateTimeOffset>? Added { get; set; }

    /// <summary>A subject's rights until a time are revoked now.</summary>
    /// <param name="topic">The topic of the revocation.</param>
    /// <param name="until">The time.</param>
    public void Add(string topic, DateTimeOffset until)
    {
        Note(topic, until);
        Added?.Invoke(topic, until);
    }

    /// <summary>The topics of revocations that no ticket needs any more.</summary>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public async Task<IReadOnlyList<string>> TakeExpiredAsync()
    {
        if (FindExpired().Length == 0)
        {
            return [];
        }

        await ReadAsync(); // Another instance may have revoked them again.
        string[] expired = FindExpired();
        Array.ForEach(expired, topic => _revoked.TryRemove(topic, out _));
        return expired;
    }

    /// <summary>A stream has a subject, whose right may have been revoked before the hub begins to follow the log.</summary>
    public void Need() => AreNeeded = true;

    /// <summary>The hub follows the log from a position, or has stopped.</summary>
    public void OnFollowing(bool isFollowed)
    {
        lock (_gate)
        {
            (_isFollowed, _isCurrent) = (isFollowed, false);
        }
    }

    /// <summary>Reads the revocations, unless the hub has passed on all that came since they were read.</summary>
    /// <returns><see langword="false"/> if they have not been read since the process started, and cannot be read now.</returns>
    public async ValueTask<bool> TryRefreshAsync()
    {
        Task reading;
        lock (_gate)
        {
            AreNeeded = true;
            if (_isCurrent)
            {
                return true;
            }

            reading = _reading ??= ReadAsync();
        }

        try
        {
            await reading.WaitAsync(s_readLimit, time);
        }
        catch (Exception exception) when (exception is EventLogUnavailableException or TimeoutException or OperationCanceledException)
        {
            // The process goes on with what it knows.
        }

        return Volatile.Read(ref _wasRead);
    }

    private string[] FindExpired() =>
        [.. _revoked.Where(one => time.GetUtcNow() - one.Value >= options.MaxTicketLifetime).Select(one => one.Key)];

    private void Note(string topic, DateTimeOffset until) =>
        _revoked.AddOrUpdate(topic, until, (_, known) => known > until ? known : until);

    /// <summary>Reads the revocations.</summary>
    /// <exception cref="EventLogUnavailableException">The log cannot be reached.</exception>
    public async Task ReadAsync()
    {
        await Task.Yield(); // The caller may have the lock.
        bool isFollowed;
        lock (_gate)
        {
            isFollowed = _isFollowed;
        }

        try
        {
            foreach (RetainedValue value in await log.ReadValuesAsync(s_all, int.MaxValue, CancellationToken.None) ?? [])
            {
                if (EventRecord.Decode(value.Line.Span, out EventRecord? decoded) == RecordKind.Event)
                {
                    Note(value.Topic, decoded!.Published);
                }
            }

            Volatile.Write(ref _wasRead, true);
        }
        finally
        {
            lock (_gate)
            {
                _isCurrent = _wasRead && isFollowed && _isFollowed;
                _reading = null;
            }
        }
    }
}
