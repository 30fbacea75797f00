using System.Net.ServerSentEvents;

namespace FuncSse.Topics;

/// <summary>Follows a stream that another process produces, once for all clients of this process.</summary>
/// <param name="name">The name.</param>
/// <param name="options">Make the closing events if the producer has died.</param>
/// <param name="log">The log.</param>
/// <param name="time">The clock.</param>
internal sealed class RecordingFollower(string name, RecordedStreamOptions options, RecordingLog log, TimeProvider time)
{
    /// <summary>A producer that says nothing for so long has died.</summary>
    public static readonly TimeSpan DeathTimeout = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan s_checkInterval = TimeSpan.FromSeconds(1);

    // From then on, this process makes sure that the silence is not its own.
    private static readonly TimeSpan s_doubtTimeout = DeathTimeout - (2 * s_checkInterval);

    private string? _run;

    public Recording Recording { get; } = new();

    /// <summary>Follows until the end.</summary>
    /// <param name="from">A position before the first start.</param>
    /// <param name="cancellationToken">The host stops.</param>
    public async Task RunAsync(string from, CancellationToken cancellationToken)
    {
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await using IAsyncEnumerator<RecordingEntry?> entries = log.ReadAsync(name, from, withEvents: true, stop.Token).GetAsyncEnumerator(stop.Token);
            Task<bool>? next = null;
            LogPosition? end = null;
            for (long heard = time.GetTimestamp(); Recording.End is null;)
            {
                next ??= entries.MoveNextAsync().AsTask();
                long looked = time.GetTimestamp();
                await ((Task)next).WaitAsync(s_checkInterval, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.Token.ThrowIfCancellationRequested();
                if (next.IsCompleted)
                {
                    if (!await next)
                    {
                        break;
                    }

                    (next, end) = (null, null);
                    heard = time.GetTimestamp();
                    Apply(entries.Current ?? await FindLostEndAsync());
                }
                else if (log.IsUnreachable || time.GetElapsedTime(looked) > 4 * s_checkInterval)
                {
                    (heard, end) = (time.GetTimestamp(), null); // The silence is the log's, or this process stood still.
                }
                else if (time.GetElapsedTime(heard) >= s_doubtTimeout && end is null)
                {
                    end = await FindEndAsync(stop.Token);
                    heard = end is null ? time.GetTimestamp() : heard;
                }
                else if (time.GetElapsedTime(heard) >= DeathTimeout && log.HasRead(end!))
                {
                    (heard, end) = (time.GetTimestamp(), null);
                    await TellDeathAsync(stop.Token);
                }
            }

            await stop.CancelAsync();
            await (next ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
        finally
        {
            Recording.Finish(RecordedStreamEnd.HostStopped);
        }
    }

    // The first start in the log counts, and the first end of its run.
    private void Apply(RecordingEntry? entry)
    {
        if (entry is null)
        {
            // The log lost what came, and the producer may live. Its next event has the number that a closing event would have.
            Recording.Finish(RecordedStreamEnd.Died);
        }
        else if (entry.Kind == RecordingEntry.StartKind)
        {
            _run ??= entry.Run;
            Recording.SetRun(_run);
        }
        else if (entry.Run == _run && entry.First <= Recording.Count)
        {
            // A batch whose append seemed to fail may come twice.
            Recording.Add([.. entry.Events.Skip(Recording.Count - entry.First)]);
            if (entry.Kind == RecordingEntry.EndKind)
            {
                Recording.Finish(entry.End ?? RecordedStreamEnd.Died);
            }
        }
    }

    // The end of a stream is kept apart from what the log lost.
    private async Task<RecordingEntry?> FindLostEndAsync()
    {
        try
        {
            return await log.FindAsync(name) is { Kind: RecordingEntry.EndKind } end && end.Run == (_run ??= end.Run) ? end : null;
        }
        catch (EventLogUnavailableException)
        {
            return null; // The client comes back.
        }
    }

    private async Task<LogPosition?> FindEndAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await log.FindEndAsync(cancellationToken);
        }
        catch (EventLogUnavailableException)
        {
            return null;
        }
    }

    // Whoever is first decides: the producer stops when it reads this.
    private async Task TellDeathAsync(CancellationToken cancellationToken)
    {
        try
        {
            await log.AppendAsync(
                name,
                RecordingEntry.OfEnd(
                    _run ?? "", [.. Recording.Take(0).Events, .. Close()], RecordedStreamEnd.Died),
                cancellationToken);
        }
        catch (EventLogUnavailableException)
        {
            // It is told again after the same time.
        }
    }

    private SseItem<string>[] Close()
    {
        try
        {
            return [.. options.Closing?.Invoke(RecordedStreamEnd.Died) ?? []];
        }
        catch (Exception)
        {
            return []; // The app's method failed, which must not keep the stream from its end.
        }
    }
}
