namespace FuncSse.Tests.Client;

/// <summary>The body of a response: bytes in pieces of a given size, and then what the test says, or silence.</summary>
internal sealed class BodyStream(ReadOnlyMemory<byte> bytes, Func<int>? atEnd, int piece = int.MaxValue) : Stream
{
    private int _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = Math.Min(Math.Min(buffer.Length, bytes.Length - _read), piece);
        if (count == 0)
        {
            if (atEnd is null)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            return atEnd!();
        }

        bytes.Slice(_read, count).CopyTo(buffer);
        _read += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
