using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FuncSse.Topics;

/// <summary>
/// Answers a request with a recorded stream (<see cref="IRecordedStreams"/>): starts it if there is a feed, and follows it from its beginning, or after the
/// client's last event id, to its end.
/// </summary>
/// <remarks>
/// <para>
/// It answers 400 to a name that is not allowed, 409 to the start of a stream that has ended (a GET follows it), and 204 where there is no such stream, or no longer, or nothing
/// more for this client. A stream that was not completed breaks at its end, after the events that
/// <see cref="RecordedStreamOptions.Closing"/> makes. There is no <c>retry</c>, and no frame but the feed's events and comments.
/// </para>
/// <para>
/// A request that started the feed returns when the feed has ended and is recorded, also when its client has left: Azure Functions keeps the instance for
/// as long.
/// </para>
/// </remarks>
/// <param name="name">The name. Who may follow or start it is for the app to check.</param>
/// <param name="feed">The feed that is started, unless a stream of this name was started before; <see langword="null"/> to follow only.</param>
/// <param name="hostCancelled">On Azure Functions, the token of the <c>FunctionContext</c>. It ends the response, and not the feed.</param>
/// <param name="options">The options; the same ones at each place that starts or follows the stream.</param>
#pragma warning disable CA1068 // Most callers pass a token and no options.
public sealed class RecordedStreamResult(
    string? name, SseFeed<string>? feed = null, CancellationToken hostCancelled = default, RecordedStreamOptions? options = null) : IResult
#pragma warning restore CA1068
{
    // A client must not wait for a log that is away: the events of this process come without it.
    private static readonly TimeSpan s_logLimit = TimeSpan.FromSeconds(1);

    // A page follows as soon as its POST is answered, and on another instance before the log has the start.
    private static readonly TimeSpan[] s_startDelays = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(400)];

    private static readonly SseStreamOptions s_answer = new() { IsResumable = false };

    private readonly RecordedStreamOptions _options = options ?? new RecordedStreamOptions();

    /// <summary>The methods that the preflight allows: GET, HEAD, POST, DELETE and OPTIONS.</summary>
    internal const string Methods = "GET, HEAD, POST, DELETE, OPTIONS";

    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        IServiceProvider services = httpContext.RequestServices;
        RecordedStreams recordings = TopicAnswer.Require<RecordedStreams>(services);
        StreamServices streams = services.GetRequiredService<StreamServices>();
        SseCors.Allow(httpContext, streams.Settings(s_answer).AllowedOrigins);
        if (HttpMethods.IsOptions(httpContext.Request.Method))
        {
            SseCors.AnswerPreflight(httpContext, Methods);
            return;
        }

        if (!RecordedStreams.IsName(name))
        {
            await TopicAnswer.WriteAsync(httpContext, StatusCodes.Status400BadRequest, TopicName.Refuse(name, RecordedStreams.MaxNameLength));
            return;
        }

        if (feed is null || HttpMethods.IsHead(httpContext.Request.Method))
        {
            await FollowAsync(httpContext, recordings, streams, name);
            return;
        }

        try
        {
            await StartAsync(httpContext, recordings, streams, name, feed);
        }
        catch (AlreadyRecordedException) when (HttpMethods.IsGet(httpContext.Request.Method))
        {
            await FollowAsync(httpContext, recordings, streams, name); // A browser that comes back would stop at a 409.
        }
        catch (AlreadyRecordedException exception)
        {
            await TopicAnswer.WriteAsync(httpContext, StatusCodes.Status409Conflict, exception.Message);
        }
        catch (RecordingLimitException)
        {
            await RefuseAsync(httpContext, streams);
        }
    }

    private async Task StartAsync(HttpContext http, RecordedStreams recordings, StreamServices streams, string recorded, SseFeed<string> started)
    {
        (RecordingProducer producer, Task<RecordedStreamEnd> task) = recordings.StartProducer(recorded, started, _options);
        // While the feed runs, the log says whether the name is free.
        RecordingClaim claim = RecordingClaim.Free;
        await Task.WhenAny(producer.Claim, Task.Delay(s_logLimit, streams.Time, CancellationToken.None));
        if (producer.Claim.IsCompletedSuccessfully)
        {
            claim = producer.Claim.Result;
        }

        if (claim == RecordingClaim.Over)
        {
            throw new AlreadyRecordedException();
        }
        else if (claim == RecordingClaim.Taken)
        {
            await FollowAsync(http, recordings, streams, recorded);
        }
        else
        {
            await AnswerAsync(http, streams, producer.Recording, isStart: true);
            if (producer.Recording.End == RecordedStreamEnd.Completed && !http.RequestAborted.IsCancellationRequested)
            {
                // The client need not wait until the log has the end. Its next request on this connection does, so this has a limit.
                await http.Response.CompleteAsync();
                await Task.WhenAny(task, Task.Delay(s_logLimit, streams.Time, CancellationToken.None));
            }
            else
            {
                await task;
            }
        }
    }

    private async Task FollowAsync(HttpContext http, RecordedStreams recordings, StreamServices streams, string followed)
    {
        try
        {
            Recording? recording =
                await FindAsync(http, recordings, streams.Time, followed).WaitAsync(EventLogWriter.PublishTimeout, streams.Time, http.RequestAborted);
            if (recording is null)
            {
                await new SseStopResult().ExecuteAsync(http);
            }
            else
            {
                await AnswerAsync(http, streams, recording, isStart: false);
            }
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has left.
        }
        catch (Exception exception) when (exception is EventLogUnavailableException or TimeoutException or OperationCanceledException)
        {
            await RefuseAsync(http, streams); // The log is away, or the host stops.
        }
    }

    private async Task<Recording?> FindAsync(HttpContext http, RecordedStreams recordings, TimeProvider time, string followed)
    {
        Recording? found = await recordings.FindAsync(followed, _options);
        for (int tries = 0; found is null && tries < s_startDelays.Length && !HttpMethods.IsHead(http.Request.Method); tries++)
        {
            await Task.Delay(s_startDelays[tries], time, http.RequestAborted);
            found = await recordings.FindAsync(followed, _options);
        }

        return found;
    }

    private async Task AnswerAsync(HttpContext http, StreamServices streams, Recording recording, bool isStart)
    {
        await recording.Run.WaitAsync(EventLogWriter.PublishTimeout, streams.Time, http.RequestAborted);
        int after = recording.FindNumber(http.Request.GetLastEventId());
        if (!isStart && recording.End is not null && (_options.AfterEnd == AfterEnd.NoContent || after == recording.Count))
        {
            await new SseStopResult().ExecuteAsync(http);
            return;
        }

        var stream = new SseStreamResult<string>(
            (_, cancellationToken) => _options.Convert is { } convert
                ? convert(recording.ReadAsync(0, hasIds: false, cancellationToken))
                : recording.ReadAsync(after, _options.HasIds, cancellationToken),
            hostCancelled,
            s_answer);
        await stream.ExecuteAsync(http);
    }

    // The client is told to come back later.
    private static Task RefuseAsync(HttpContext http, StreamServices streams)
    {
        SseResponse.WriteHeaders(http);
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : SseResponse.RefuseAsync(http, streams, streams.Settings(own: null));
    }
}
