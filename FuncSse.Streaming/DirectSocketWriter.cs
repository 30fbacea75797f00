using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace FuncSse.Streaming;

/// <summary>
/// The output of a connection whose client keeps up: what is flushed goes to the socket at once, by the thread that flushes, without a
/// hand-over to another. The first time that the socket does not take all of it, or that more has to be buffered than a block, the
/// connection is left to Kestrel's own pipe for good, with its limits, its waiting and its way of ending.
/// </summary>
/// <remarks>As any pipe's writer, it is not safe for use by several threads at once.</remarks>
/// <param name="socket">A socket that does not block, to which nothing but this and <paramref name="pipe"/> writes.</param>
/// <param name="pipe">What is written to the same socket, and has been written to by nobody yet.</param>
internal sealed class DirectSocketWriter(Socket socket, PipeWriter pipe) : PipeWriter
{
    /// <summary>Bytes, as many as in a block of Kestrel's.</summary>
    public const int BlockSize = 4096;

    private bool _isDirect = true;
    private byte[]? _block;
    private int _length;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _isDirect ? _length : pipe.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => HasRoom(sizeHint) ? _block.AsMemory(_length) : pipe.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => HasRoom(sizeHint) ? _block.AsSpan(_length) : pipe.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_isDirect)
        {
            _length += bytes;
        }
        else
        {
            pipe.Advance(bytes);
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (!_isDirect)
        {
            return pipe.FlushAsync(cancellationToken);
        }

        int sent = _length > 0 ? Send() : 0;
        if (sent < _length)
        {
            LeaveToPipe(sent);
            return pipe.FlushAsync(cancellationToken);
        }

        Clear();
        return default;
    }

    public override void CancelPendingFlush() => pipe.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        LeaveToPipe(sent: 0);
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
            // What goes wrong here goes wrong once more in the pipe, which knows what to do about it.
            return socket.Send(_block.AsSpan(0, _length), SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
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
