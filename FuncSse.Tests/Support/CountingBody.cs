using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace FuncSse.Tests;

/// <summary>A response's body that tells of each flush.</summary>
internal sealed class CountingBody(PipeWriter body, Action onFlush) : PipeWriter, IHttpResponseBodyFeature
{
    /// <summary>What a flush answers instead of the body, if anything.</summary>
    public Func<Task<FlushResult>?>? Answer { get; init; }

    public Stream Stream => AsStream();

    public PipeWriter Writer => this;

    public override void Advance(int bytes) => body.Advance(bytes);

    public override void CancelPendingFlush() => body.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => body.Complete(exception);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        onFlush();
        return Answer?.Invoke() is { } answer ? new ValueTask<FlushResult>(answer) : body.FlushAsync(cancellationToken);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) => body.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => body.GetSpan(sizeHint);

    public Task CompleteAsync() => Task.CompletedTask;

    public void DisableBuffering()
    {
    }

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
}
