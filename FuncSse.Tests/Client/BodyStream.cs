namespace FuncSse.Tests.Client;

/// <summary>The body of a response: bytes in pieces of a given size, and then what the test says, or silence.</summary>
internal sealed class BodyStream(ReadOnlyMemory<byte> bytes, Func<int>? atEnd, int piece = int.MaxValue) : MemoryStream
{
    private int _read;

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
}
