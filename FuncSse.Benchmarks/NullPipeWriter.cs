using System.IO.Pipelines;

namespace FuncSse.Benchmarks;

/// <summary>Takes everything at once and keeps nothing, with blocks of the size that Kestrel's have.</summary>
internal sealed class NullPipeWriter : PipeWriter
{
    private const int BlockSize = 4096;

    private readonly byte[] _block = new byte[BlockSize];
    private int _used;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (BlockSize - _used < Math.Max(1, sizeHint))
        {
            _used = 0;
        }

        return _block.AsMemory(_used);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _used += bytes;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        _used = 0;
        return default;
    }

    public override void CancelPendingFlush()
    {
        // No flush is ever pending.
    }

    public override void Complete(Exception? exception = null)
    {
        // There is no reader to tell.
    }
}
