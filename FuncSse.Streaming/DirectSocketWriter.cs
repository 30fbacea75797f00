using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace FuncSse.Streaming;

/// <summary>
/// The output of a connection whose client keeps up: what is flushed goes to the socket at once, by the thread that flushes, without a
/// hand-over to another. What the socket does not take at once, and all that follows, goes to Kestrel's own pipe, with its way of
/// waiting, failing and ending, until that has sent everything.
/// </summary>
/// <remarks>As any pipe's writer, it is not safe for use by several threads at once.</remarks>
/// <param name="socket">A socket that does not block, to which nothing but this and <paramref name="pipe"/> writes.</param>
/// <param name="pipe">What writes to the same socket. A flush of it has to wait until the socket has taken every byte.</param>
internal sealed class DirectSocketWriter(Socket socket, PipeWriter pipe) : PipeWriter
{
    /// <summary>Bytes that may be written between two flushes without the pipe: what Kestrel buffers of a response.</summary>
    public const int BlockSize = 64 * 1024;

    private bool _isDirect = true;
    private byte[]? _block;
    private int _length;
    private bool _isComplete;
    private volatile bool _isCancelled;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _isDirect ? _length : pipe.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => HasRoom(sizeHint) ? _block.AsMemory(_length) : pipe.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => HasRoom(sizeHint) ? _block.AsSpan(_length) : pipe.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_isDirect)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_block?.Length - _length ?? 0), nameof(bytes));
            _length += bytes;
        }
        else
        {
            pipe.Advance(bytes);
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        int sent = 0;
        if (_isDirect && !_isCancelled && !cancellationToken.IsCancellationRequested)
        {
            sent = _length > 0 ? Send() : 0;
            if (sent == _length)
            {
                Clear();
                return default;
            }
        }

        LeaveToPipe(sent);
        return FlushPipeAsync(cancellationToken);
    }

    public override void CancelPendingFlush()
    {
        _isCancelled = true;
        pipe.CancelPendingFlush();
    }

    public override void Complete(Exception? exception = null)
    {
        LeaveToPipe(sent: 0);
        _isComplete = true;
        pipe.Complete(exception);
    }

    private bool HasRoom(int sizeHint)
    {
        if (_isDirect && BlockSize - _length < Math.Max(sizeHint, 1))
        {
            LeaveToPipe(sent: 0);
        }

        if (_isDirect)
        {
            _block ??= ArrayPool<byte>.Shared.Rent(BlockSize);
        }

        return _isDirect;
    }

    private int Send()
    {
        try
        {
            // An error is for the pipe to find out, which knows what to do about it.
            return socket.Send(_block.AsSpan(0, _length), SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    private async ValueTask<FlushResult> FlushPipeAsync(CancellationToken cancellationToken)
    {
        FlushResult result = await pipe.FlushAsync(cancellationToken);
        _isCancelled = false;
        // What was written meanwhile still waits in the pipe.
        _isDirect = !_isComplete && !result.IsCanceled && !result.IsCompleted && pipe.UnflushedBytes == 0;
        return result;
    }

    private void LeaveToPipe(int sent)
    {
        if (_isDirect)
        {
            _isDirect = false;
            if (sent < _length)
            {
                pipe.Write(_block.AsSpan(sent, _length - sent));
            }

            Clear();
        }
    }

    private void Clear()
    {
        if (_block is not null)
        {
            ArrayPool<byte>.Shared.Return(_block);
        }

        _block = null;
        _length = 0;
    }
}
