using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using FuncSse.Streaming;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Tests;

/// <summary>What a client and an app do on one connection, all of it chosen by a seed: the same on whatever server it runs.</summary>
internal sealed record FuzzProgram(int Seed, bool IsHttp2, bool IsEncrypted, FuzzRequest[] Requests, int? ResetAfter)
{
    /// <summary>Whether a cancelled write loses a record of TLS, after which the connection cannot go on; so it is on Kestrel's own transport.</summary>
    public bool MayBreakTls => IsEncrypted && !IsHttp2
        && Requests.Any(request => request.Steps.Any(step => step.Action is FuzzAction.CancelPendingFlush or FuzzAction.FlushCancelled));

    public static FuzzProgram Create(int seed)
    {
        var random = new Random(seed);
        bool isHttp2 = random.Next(3) == 0;
        bool isEncrypted = random.Next(3) == 0;
        int? resetAfter = random.Next(6) == 0 ? random.Next(300_000) : null;
        return new FuzzProgram(seed, isHttp2, isEncrypted, [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => FuzzRequest.Create(random))], resetAfter);
    }
}

internal enum FuzzAction
{
    Write,
    Flush,
    FlushThenCancel,
    FlushUntilCancelled,
    FlushCancelled,
    CancelPendingFlush,
    SendDirectly,
    Pause,
    Abort,
}

internal readonly record struct FuzzStep(FuzzAction Action, int Number);

/// <summary>One response, as a row of steps.</summary>
/// <param name="IsStream">Whether the connection is told that the response is an event stream.</param>
/// <param name="HasLength">Whether the response has a <c>Content-Length</c>, and no chunks.</param>
/// <param name="Steps">What the app does.</param>
/// <param name="Body">The bytes that the steps write, in order.</param>
internal sealed record FuzzRequest(bool IsStream, bool HasLength, FuzzStep[] Steps, byte[] Body)
{
    public bool HasCancelPendingFlush => Steps.Any(step => step.Action == FuzzAction.CancelPendingFlush);

    public static FuzzRequest Create(Random random)
    {
        bool isStream = random.Next(2) == 0;
        bool hasLength = random.Next(3) == 0;
        int largest = random.Next(3) == 0 ? 150_000 : 8000;
        FuzzStep[] steps = [.. Enumerable.Range(0, random.Next(1, 40)).SelectMany(_ => WriteAndMore(random, largest, isStream && !hasLength))];
        byte[] body = new byte[steps.Where(step => step.Action is FuzzAction.Write or FuzzAction.SendDirectly).Sum(step => step.Number)];
        random.NextBytes(body);
        return new FuzzRequest(isStream, hasLength, steps, body);
    }

    public async Task AnswerAsync(HttpContext http, FuzzOutcome outcome)
    {
        http.Response.Headers.Date = DateTimeOffset.UnixEpoch.ToString("R", CultureInfo.InvariantCulture);
        http.Response.ContentLength = HasLength ? Body.Length : null;
        IStreamingConnectionFeature? connection = IsStream ? http.Features.Get<IStreamingConnectionFeature>() : null;
        connection?.StreamStarted();
        try
        {
            int written = 0;
            foreach (FuzzStep step in Steps)
            {
                ReadOnlyMemory<byte> data = step.Action is FuzzAction.Write or FuzzAction.SendDirectly ? Body.AsMemory(written, step.Number) : default;
                written += data.Length;
                await RunAsync(http, step, data, outcome);
            }
        }
        finally
        {
            connection?.StreamEnded();
        }
    }

    private static IEnumerable<FuzzStep> WriteAndMore(Random random, int largest, bool canSendDirectly)
    {
        int length = random.Next(4) == 0 ? random.Next(largest) : random.Next(1, 300);
        yield return new FuzzStep(FuzzAction.Write, length);
        int number = random.Next(1, 20);
        yield return random.Next(200) switch
        {
            < 60 => new FuzzStep(FuzzAction.Flush, number),
            < 120 => new FuzzStep(FuzzAction.FlushThenCancel, number),
            < 122 => new FuzzStep(FuzzAction.FlushUntilCancelled, number),
            < 130 => new FuzzStep(FuzzAction.FlushCancelled, number),
            < 131 => new FuzzStep(FuzzAction.CancelPendingFlush, number),
            < 132 => new FuzzStep(random.Next(4) == 0 ? FuzzAction.Abort : FuzzAction.Flush, number),
            < 140 => new FuzzStep(FuzzAction.Pause, number),
            < 180 when canSendDirectly => new FuzzStep(FuzzAction.SendDirectly, random.Next(1, 3000)),
            _ => new FuzzStep(FuzzAction.Write, number),
        };
    }

    private static async Task RunAsync(HttpContext http, FuzzStep step, ReadOnlyMemory<byte> data, FuzzOutcome outcome)
    {
        PipeWriter writer = http.Response.BodyWriter;
        using var cancellation = new CancellationTokenSource();
        switch (step.Action)
        {
            case FuzzAction.Write:
                writer.Write(data.Span);
                break;
            case FuzzAction.Flush:
                await FlushAsync(writer, outcome, CancellationToken.None);
                break;
            case FuzzAction.FlushThenCancel:
                await FlushAsync(writer, outcome, cancellation.Token);
                await cancellation.CancelAsync();
                break;
            case FuzzAction.FlushUntilCancelled:
                cancellation.CancelAfter(step.Number);
                await FlushAsync(writer, outcome, cancellation.Token);
                break;
            case FuzzAction.FlushCancelled:
                await cancellation.CancelAsync();
                await FlushAsync(writer, outcome, cancellation.Token);
                break;
            case FuzzAction.CancelPendingFlush:
                writer.CancelPendingFlush();
                break;
            case FuzzAction.SendDirectly:
                await FlushAsync(writer, outcome, CancellationToken.None);
                await Task.Run(() => SendDirectly(http, data));
                await FlushAsync(writer, outcome, CancellationToken.None);
                break;
            case FuzzAction.Pause:
                await Task.Delay(step.Number);
                break;
            case FuzzAction.Abort:
                outcome.MayBeCut = true;
                http.Abort();
                break;
        }
    }

    private static void SendDirectly(HttpContext http, ReadOnlyMemory<byte> data)
    {
        byte[] chunk = [.. Encoding.ASCII.GetBytes($"{data.Length:x}\r\n"), .. data.Span, .. "\r\n"u8];
        if ((StreamConnection.FindChunked(http)?.TrySend(chunk) ?? -1) < 0)
        {
            http.Response.BodyWriter.Write(data.Span);
        }
    }

    private static async Task FlushAsync(PipeWriter writer, FuzzOutcome outcome, CancellationToken cancellationToken)
    {
        bool hasBegun = false;
        try
        {
            ValueTask<FlushResult> flush = writer.FlushAsync(cancellationToken);
            hasBegun = true;
            outcome.IsFlushCancelled |= (await flush).IsCanceled;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            outcome.MayBeCut |= hasBegun; // Kestrel aborts a response whose flush was cancelled while it waited.
        }
    }
}

/// <summary>What the app met while it answered the requests of one connection.</summary>
internal sealed class FuzzOutcome
{
    public int Running;

    /// <summary>Whether a response may end early by the app's own doing.</summary>
    public volatile bool MayBeCut;

    public volatile bool IsFlushCancelled;
}
