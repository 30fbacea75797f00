namespace FuncSse.Benchmarks;

/// <summary>Joins bytes to lines, wherever the bytes were cut.</summary>
internal sealed class LineReader
{
    private byte[] _line = new byte[256];
    private int _length;

    /// <summary>Takes bytes up to the end of a line, or all of them if no line ends here.</summary>
    /// <param name="bytes">What has come; on return, what is left of it.</param>
    /// <param name="line">Without its end; valid until the next call.</param>
    public bool TryRead(ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> line)
    {
        int end = bytes.IndexOf((byte)'\n');
        ReadOnlySpan<byte> part = end < 0 ? bytes : bytes[..end];
        if (_length + part.Length > _line.Length)
        {
            Array.Resize(ref _line, Math.Max(2 * _line.Length, _length + part.Length));
        }

        part.CopyTo(_line.AsSpan(_length));
        line = _line.AsSpan(0, _length + part.Length).TrimEnd((byte)'\r');
        _length = end < 0 ? _length + part.Length : 0;
        bytes = bytes[(end < 0 ? bytes.Length : end + 1)..];
        return end >= 0;
    }
}
