using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>One stream: it opens, sends a feed's events, ends for one reason, and closes. Nothing else writes to the response.</summary>
internal abstract partial class SseStream
{
    private readonly HttpContext _http;
    private readonly SseWatchdog _watchdog;
    private readonly SseStreamEnding _ending;
    private readonly SseStreamOutput _output;
    private readonly TimeSpan _lifetime;
    private bool _isStopping;

    protected SseStream(HttpContext http, StreamServices services, SseStreamSettings settings, CancellationToken hostCancelled)
    {
        (_http, Services, Settings) = (http, services, settings);
        _watchdog = new SseWatchdog(this, http, services.Time);
        _ending = new SseStreamEnding(http, services, settings.Retry, _watchdog, hostCancelled);
        _output = new SseStreamOutput(http, services, _ending, _watchdog);
        _lifetime = settings.MaxDuration is { } longest ? SseDelays.Lifetime(longest) : TimeSpan.MaxValue;
        // Writing to a stream of the app's middleware may block, which must not hold up the thread that sets the signal.
        Signal = new SseSignal(isAsynchronous: !SseResponse.IsWrittenByServer(http));
    }

    public SseStreamSettings Settings { get; }

    public SseStreamWriter Writer => _output.Writer;

    /// <summary>The client's key that was passed to <see cref="StreamServices.TryEnter"/>.</summary>
    public string? Client { get; init; }

    /// <summary>When the client's right to the stream ends; <see langword="null"/> for never.</summary>
    public DateTimeOffset? AllowedUntil { get; init; }

    /// <summary>The stream's place in the sweep, which alone uses it; -1 for none.</summary>
    public int SweepIndex { get; set; } = -1;

    protected StreamServices Services { get; }

    protected SseSignal Signal { get; }

    /// <summary>Whether the stream has not ended. A ticket that has run out ends it here, so that nothing is sent after it.</summary>
    protected bool IsOpen
    {
        get
        {
            if (AllowedUntil is { } end && _ending.IsOpen && Services.Time.GetUtcNow() >= end)
            {
                End(SseStreamEnd.TicketExpired);
            }

            return _ending.IsOpen;
        }
    }

    protected bool IsKeepAliveDue => _output.IsKeepAliveDue && IsOpen;

    protected bool CanSend => _ending.CanSend;

    protected bool HasEvents => _output.Events > 0;

    /// <summary>Opens the stream, sends the feed's events until the end, and closes it. It does not throw what ends the stream.</summary>
    public async Task RunAsync(string? lastEventId)
    {
        _output.Connection.Begin();
        try
        {
            Services.Sweep.Add(this);
            using CancellationTokenRegistration left = _ending.ClientLeft.UnsafeRegister(
                static self => ((SseStream)self!).End(SseStreamEnd.ClientLeft), this);
            using CancellationTokenRegistration cancelled = _ending.HostCancelled.UnsafeRegister(
                static self => ((SseStream)self!).End(SseStreamEnd.HostCancelled), this);
            try
            {
                await OpenAsync();
                _output.Connection.HeadersSent();
                await PumpAsync(lastEventId);
            }
            catch (Exception exception)
            {
                _ending.EndByFault(exception);
            }

            await CloseAsync();
        }
        catch (Exception exception)
        {
            _ending.EndByFault(exception);
            _http.Abort();
        }
        finally
        {
            Services.Sweep.Remove(this);
            _watchdog.Stop();
            _output.Connection.End();
            if (_output.Events > 0 && _ending.Reason != SseStreamEnd.FeedFailed)
            {
                Services.Backoff.Reset(_http.Request);
            }

            Services.Leave(_output.Duration, _ending.Reason, _ending.AbandonedFeed, Client);
            _ending.LogEnd(_output.Duration, _output.Events);
        }
    }

    /// <summary>The sweep calls this: whatever time is over has its consequence.</summary>
    public void Check()
    {
        if (!_isStopping && Services.Stopping.IsCancellationRequested)
        {
            _isStopping = true;
            End(SseStreamEnd.HostStopping); // Also if it ends already: a client that does not read must not delay the stop.
        }
        else if (IsOpen && _output.Duration >= _lifetime)
        {
            End(SseStreamEnd.Lifetime);
        }

        _watchdog.Check();
    }

    /// <summary>The watchdog calls this when nothing was written for the keep-alive interval.</summary>
    public void OnSilent()
    {
        if (!_output.IsKeepAliveDue)
        {
            _output.OnSilent();
            Signal.Set();
        }
    }

    /// <summary>The watchdog calls this when it is about to drop the client, which reads nothing.</summary>
    public void OnStalled() => End(SseStreamEnd.ClientStalled);

    /// <summary>Sends the feed's events until the stream ends. What the feed throws ends the stream.</summary>
    protected abstract Task PumpAsync(string? lastEventId);

    /// <summary>Cancels the feed; may throw what the feed throws.</summary>
    protected abstract void CancelFeed();

    /// <summary>Cancels the feed and waits until it has cleaned up.</summary>
    protected abstract Task CloseFeedAsync();

    /// <inheritdoc cref="SseStreamOutput.OnEventWritten"/>
    protected void OnEventWritten(TimeSpan? retry, bool isPosition) => _output.OnEventWritten(retry, isPosition);

    /// <inheritdoc cref="SseStreamOutput.FlushAsync"/>
    protected ValueTask FlushAsync() => _output.FlushAsync();

    /// <inheritdoc cref="SseStreamOutput.TrySend"/>
    protected bool TrySend(ReadOnlyMemory<byte> frame, ReadOnlySpan<byte> chunk) => _output.TrySend(frame, chunk);

    /// <summary>The client's right to the stream has ended.</summary>
    protected void EndByTicket() => End(SseStreamEnd.TicketExpired);

    /// <inheritdoc cref="SseStreamEnding.EndByFeed"/>
    protected void EndByFeed(Exception? failure) => _ending.EndByFeed(failure);

    /// <summary>Writes a keep-alive. A stream that has positions writes a position.</summary>
    protected virtual void WriteKeepAlive()
    {
        if (Settings.KeepAliveEvent && Settings.IsResumable)
        {
            Writer.WriteEvent("{}", "keep-alive");
        }
        else
        {
            Writer.WriteComment();
        }
    }

    private async Task OpenAsync()
    {
        // In one flush with the headers, because the Functions host holds those back until the first byte of the body.
        if (Settings.IsResumable)
        {
            Writer.WriteRetry(Settings.Retry);
        }
        else
        {
            Writer.WriteComment(); // Clients of such a stream take any other frame for a message.
        }

        if (Settings.Padding > 0)
        {
            Writer.WriteComment(Settings.Padding);
        }

        await FlushAsync();
    }
}
