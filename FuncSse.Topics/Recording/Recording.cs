using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using FuncSse.Streaming;

namespace FuncSse.Topics;

/// <summary>The events of a recorded stream as far as this process knows them. One adds events, and any number of clients read them.</summary>
/// <param name="isProduced">Whether they are made in this process, so that it knows all of them.</param>
internal sealed class Recording(bool isProduced = false)
{
    /// <summary>The most bytes of all events together, as the log has them.</summary>
    public const long MaxSize = 8 << 20;

    private readonly Lock _gate = new();
    private readonly List<SseItem<string>> _events = [];
    private readonly TaskCompletionSource<string> _run = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<SseSignal> _readers = [];
    private TaskCompletionSource? _changed;
    private long _size;
    private RecordedStreamEnd? _end;

    /// <summary>The run's own random name, with which its ids begin. It is known at once, or once the log has told it.</summary>
    public Task<string> Run => _run.Task;

    /// <summary>How it ended; <see langword="null"/> if it has not.</summary>
    public RecordedStreamEnd? End
    {
        get
        {
            lock (_gate)
            {
                return _end;
            }
        }
    }

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

    public static string NewRun() => RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 12);

    public void SetRun(string run) => _run.TrySetResult(run);

    /// <summary>Adds events, unless it has ended.</summary>
    /// <returns><see langword="false"/> if there is no room for one that is made in this process, which is not added.</returns>
    public bool Add(params ReadOnlySpan<SseItem<string>> events)
    {
        lock (_gate)
        {
            if (_end is not null)
            {
                return true;
            }

            foreach (SseItem<string> added in events)
            {
                _size += SizeOf(added.Data ?? "") + added.EventType.Length;
                if (isProduced && _size > MaxSize)
                {
                    return false;
                }

                _events.Add(added);
            }
        }

        Wake();
        return true;
    }

    /// <summary>Ends it, unless it has ended.</summary>
    /// <param name="end">How it ends.</param>
    /// <param name="closing">The last events.</param>
    public void Finish(RecordedStreamEnd end, IEnumerable<SseItem<string>>? closing = null)
    {
        lock (_gate)
        {
            if (_end is not null)
            {
                return;
            }

            _events.AddRange(closing ?? []);
            _end = end;
        }

        _run.TrySetResult("");
        Wake();
    }

    /// <summary>The events from a number on, and how it ended.</summary>
    public (SseItem<string>[] Events, RecordedStreamEnd? End) Take(int first)
    {
        lock (_gate)
        {
            return ([.. _events.Skip(first)], _end);
        }
    }

    /// <summary>Completes when there may be more than this number of events, or the end.</summary>
    public Task WaitAsync(int count)
    {
        lock (_gate)
        {
            return _events.Count > count || _end is not null ? Task.CompletedTask
                : (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>
    /// How many events a client has received, by its last event id: none if the id is of another run, or forged. A process that follows the stream may
    /// know fewer events than the client.
    /// </summary>
    public int FindNumber(string? lastEventId)
    {
        string prefix = $"{_run.Task.Result}-";
        return lastEventId?.StartsWith(prefix, StringComparison.Ordinal) == true
            && int.TryParse(lastEventId.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && (number <= Count || (!isProduced && End is null))
                ? number
                : 0;
    }

    /// <summary>The events after a number of them, until the end.</summary>
    /// <exception cref="SseBrokenAnswerException">It ended without being complete. All events came before.</exception>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync(int after, bool hasIds, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string run = await Run;
        // The reader continues on the thread that adds an event, and does not block it: a stream that may block goes on elsewhere.
        var signal = new SseSignal();
        await using CancellationTokenRegistration cancelled = cancellationToken.UnsafeRegister(static self => ((SseSignal)self!).Set(), signal);
        lock (_gate)
        {
            _readers.Add(signal);
        }

        try
        {
            for (int number = after; !cancellationToken.IsCancellationRequested;)
            {
                RecordedStreamEnd? end = TryRead(number, out SseItem<string> one, out int count);
                if (number < count)
                {
                    number++;
                    yield return hasIds ? new SseItem<string>(one.Data, one.EventType) { EventId = string.Create(CultureInfo.InvariantCulture, $"{run}-{number}") } : one;
                }
                else if (end is null)
                {
                    await signal.WaitAsync();
                }
                else if (number > count)
                {
                    number = 0; // The id was forged, as is known now.
                }
                else if (end != RecordedStreamEnd.Completed)
                {
                    throw new SseBrokenAnswerException();
                }
                else
                {
                    yield break;
                }
            }
        }
        finally
        {
            lock (_gate)
            {
                _readers.Remove(signal);
            }
        }
    }

    // A control character is escaped as \u0000.
    private static long SizeOf(string data) => Encoding.UTF8.GetByteCount(data) + (5L * data.Count(char.IsControl));

    private RecordedStreamEnd? TryRead(int number, out SseItem<string> one, out int count)
    {
        lock (_gate)
        {
            count = _events.Count;
            one = number < count ? _events[number] : default;
            return _end;
        }
    }

    private void Wake()
    {
        SseSignal[] readers;
        TaskCompletionSource? changed;
        lock (_gate)
        {
            readers = [.. _readers];
            (changed, _changed) = (_changed, null);
        }

        changed?.SetResult();
        foreach (SseSignal reader in readers)
        {
            reader.Set();
        }
    }
}
