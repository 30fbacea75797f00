using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace FuncSse.Streaming;

/// <summary>
/// The output of a connection. While it carries event streams, what is flushed goes to the socket at once, by the thread that flushes,
/// without a hand-over to another; a flush waits until the socket has taken everything. What the socket does not take at once, and all
/// that follows, goes to Kestrel's own pipe, with its way of waiting, failing and ending, until that has sent everything. Other responses
/// always go to that pipe, which gathers what is flushed while it sends.
/// </summary>
/// <remarks>Like any pipe's writer, it is not safe for use by several threads at once.</remarks>
/// <param name="socket">A socket that does not block, to which nothing but this and <paramref name="pipe"/> writes.</param>
/// <param name="pipe">What writes to the same socket. A flush of it has to wait until the socket has taken every byte.</param>
/// <param name="maxBuffered">How many bytes of other responses may wait for the socket before a flush waits too.</param>
internal sealed class DirectSocketWriter(Socket socket, PipeWriter pipe, long maxBuffered) : PipeWriter
{
    /// <summary>Bytes that may be written between two flushes without the pipe: what Kestrel buffers of a response.</summary>
    public const int BlockSize = 64 * 1024;

    private int _streams;
    private bool _isDirect;
    private byte[]? _block;
    private int _length;

    // Kestrel's flush that nobody waits for, and what has been flushed since the socket had taken everything.
    private ValueTask<FlushResult> _flush;
    private long _unsent;
    private bool _isComplete;
    private volatile bool _isCancelled;

    /// <summary>The connection carries one more event stream.</summary>
    public void StreamStarted() => Interlocked.Increment(ref _streams);

    /// <summary>The connection carries one event stream less.</summary>
    public void StreamEnded() => Interlocked.Decrement(ref _streams);

    /// <summary>As <see cref="IStreamingConnectionFeature.TrySend"/>.</summary>
    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (_length > 0 || !IsFree)
        {
            return -1;
        }

        int sent = Send(bytes);
        if (sent < bytes.Length)
        {
            _isDirect = false;
            pipe.Write(bytes[sent..]);
        }

        return sent;
    }

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
            sent = _length > 0 ? Send(_block.AsSpan(0, _length)) : 0;
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
        if (_length == 0)
        {
            _isDirect = IsFree;
        }

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

    // Whether nothing is in the way of the next byte of a stream.
    private bool IsFree => Volatile.Read(ref _streams) > 0 && IsSent && pipe.UnflushedBytes == 0 && !_isCancelled && !_isComplete;

    // The last flush of the pipe ends when the socket has taken all that was flushed before.
    private bool IsSent => _unsent == 0 || _flush.IsCompleted;

    private int Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            // An error is for the pipe to find out, which knows what to do about it.
            return socket.Send(bytes, SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    private ValueTask<FlushResult> FlushPipeAsync(CancellationToken cancellationToken)
    {
        _unsent = (IsSent ? 0 : _unsent) + pipe.UnflushedBytes;
        bool isWaiting = Volatile.Read(ref _streams) > 0 || _unsent >= maxBuffered;
#pragma warning disable CA2012 // A pipe's flush may be left to itself; its status is that of the pipe, however often it is asked.
        _flush = pipe.FlushAsync(cancellationToken);
#pragma warning restore CA2012
        return isWaiting || _flush.IsCompleted ? _flush : default;
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
