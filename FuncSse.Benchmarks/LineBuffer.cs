namespace FuncSse.Benchmarks;

/// <summary>Puts lines together, wherever the bytes were cut.</summary>
/// <param name="length">Of the longest line.</param>
internal sealed class LineBuffer(int length = 512)
{
    private readonly byte[] _kept = new byte[length];
    private int _length;

    /// <summary>Takes bytes up to the end of a line, or all of them where none ends here.</summary>
    /// <param name="bytes">What has come; on return, what is left of it.</param>
    /// <param name="line">Without its end; valid until the next call.</param>
    /// <exception cref="InvalidDataException">The line is longer than any that these servers send.</exception>
    public bool TryTake(ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> line)
    {
        int end = bytes.IndexOf((byte)'\n');
        ReadOnlySpan<byte> part = end < 0 ? bytes : bytes[..end];
        if (!part.TryCopyTo(_kept.AsSpan(_length)))
        {
            throw new InvalidDataException("a line is too long");
        }

        _length += part.Length;
        bytes = bytes[(end < 0 ? bytes.Length : end + 1)..];
        line = _kept.AsSpan(0, _length).TrimEnd((byte)'\r');
        if (end < 0)
        {
            return false;
        }

        _length = 0;
        return true;
    }
}
