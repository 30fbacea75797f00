using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace FuncSse.Streaming;

/// <summary>
/// Writes the output of a connection. While the connection carries event streams, the thread that flushes sends the bytes to the socket
/// itself, which saves the hand-over to another thread. A flush waits until the socket has taken everything. The bytes that the socket does
/// not take at once, and all bytes after them, go to Kestrel's own pipe until that pipe has sent everything. Other responses always go to
/// the pipe, which gathers small flushes while it sends.
/// </summary>
/// <remarks>Like any <see cref="PipeWriter"/>, it is not safe for concurrent use.</remarks>
/// <param name="socket">A non-blocking socket. Only this writer and <paramref name="pipe"/> write to it.</param>
/// <param name="pipe">Kestrel's pipe to the same socket. Its flush must complete only after the socket has taken every byte.</param>
/// <param name="maxBufferedBytes">How many bytes of other responses may wait for the socket before a flush waits too.</param>
internal sealed class DirectSocketWriter(Socket socket, PipeWriter pipe, long maxBufferedBytes) : PipeWriter
{
    /// <summary>The bytes between two flushes that can be sent directly: as many as Kestrel buffers of a response.</summary>
    public const int BlockSize = 64 * 1024;

    private int _streams;

    // Null until memory is asked for. Then it stays until the flush: a caller that asks twice must get the same memory.
    private bool? _isDirect;
    private byte[]? _block;
    private int _length;

    // The last flush of the pipe, and the bytes that were flushed into the pipe since it was last empty.
    private ValueTask<FlushResult> _pipeFlush;
    private long _pipedBytes;

    // The token of the last flush that waited for the pipe.
    private CancellationToken _flushToken;
    private bool _isComplete;
    private volatile bool _isCancelled;

    /// <summary>Counts one more event stream on the connection.</summary>
    public void StreamStarted() => Interlocked.Increment(ref _streams);

    /// <summary>Counts one event stream less on the connection.</summary>
    public void StreamEnded() => Interlocked.Decrement(ref _streams);

    /// <summary>Sends bytes past the response writer; see <see cref="IStreamingConnectionFeature.TrySend"/>.</summary>
    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (_isDirect is not null || !CanSendDirectly)
        {
            return -1;
        }

        int sent = SendNow(bytes);
        if (sent < bytes.Length)
        {
            _isDirect = false;
            pipe.Write(bytes[sent..]);
        }

        return sent;
    }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _isDirect == true ? _length : pipe.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => TryUseBlock(sizeHint) ? _block.AsMemory(_length) : pipe.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => TryUseBlock(sizeHint) ? _block.AsSpan(_length) : pipe.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_isDirect == true)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_block?.Length - _length ?? 0), nameof(bytes));
            _length += bytes;
        }
        else
        {
            pipe.Advance(bytes);
        }
    }

    // A cancelled write writes nothing: a caller that writes the same bytes again would duplicate them.
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        this.Write(source.Span);
        return FlushAsync(cancellationToken);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int sent = 0;
        if (_isDirect == true && !_isCancelled)
        {
            sent = _length > 0 ? SendNow(_block.AsSpan(0, _length)) : 0;
            if (sent == _length)
            {
                ReturnBlock();
                _isDirect = null;
                return default;
            }
        }

        MoveToPipe(sent);
        _isDirect = null;
        return FlushPipeAsync(cancellationToken);
    }

    public override void CancelPendingFlush()
    {
        _isCancelled = true;
        pipe.CancelPendingFlush();
    }

    public override void Complete(Exception? exception = null)
    {
        MoveToPipe();
        _isComplete = true;
        pipe.Complete(exception);
    }

    private bool TryUseBlock(int sizeHint)
    {
        _isDirect ??= CanSendDirectly;
        if (_isDirect == true && BlockSize - _length < Math.Max(sizeHint, 1))
        {
            MoveToPipe();
        }

        if (_isDirect == true)
        {
            _block ??= ArrayPool<byte>.Shared.Rent(BlockSize);
        }

        return _isDirect.Value;
    }

    // After a cancelled flush, the pipe reports that the flush has completed although it still holds the bytes.
    private bool CanSendDirectly => Volatile.Read(ref _streams) > 0 && IsPipeEmpty && pipe.UnflushedBytes == 0
        && !_isCancelled && !_flushToken.IsCancellationRequested && !_isComplete;

    // The last flush of the pipe completes when the socket has taken all bytes that were flushed before.
    private bool IsPipeEmpty => _pipedBytes == 0 || _pipeFlush.IsCompleted;

    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        try
        {
            // An error is ignored here: the pipe meets the same error and ends the connection as Kestrel does.
            return socket.Send(bytes, SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    private ValueTask<FlushResult> FlushPipeAsync(CancellationToken cancellationToken)
    {
        _pipedBytes = (IsPipeEmpty ? 0 : _pipedBytes) + pipe.UnflushedBytes;
#pragma warning disable CA2012 // The status of a pending flush is that of the pipe. It may be read at any time, and need not be awaited.
        _pipeFlush = pipe.FlushAsync(CancellationToken.None);
#pragma warning restore CA2012
        if (_pipeFlush.IsCompleted)
        {
            return _pipeFlush;
        }

        if (Volatile.Read(ref _streams) == 0 && _pipedBytes < maxBufferedBytes)
        {
            return default;
        }

        // Only a flush that the caller waits for gets its token: on a flush that nobody awaits, a later cancellation would cancel the next one.
        _flushToken = cancellationToken;
        return pipe.FlushAsync(cancellationToken);
    }

    private void MoveToPipe(int alreadySent = 0)
    {
        if (_isDirect == true)
        {
            _isDirect = false;
            if (alreadySent < _length)
            {
                pipe.Write(_block.AsSpan(alreadySent, _length - alreadySent));
            }

            ReturnBlock();
        }
    }

    private void ReturnBlock()
    {
        if (_block is not null)
        {
            ArrayPool<byte>.Shared.Return(_block);
        }

        _block = null;
        _length = 0;
    }
}
