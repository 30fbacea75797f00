using System.Buffers;
using System.Text;

namespace FuncSse.Streaming;

/// <summary>
/// Writes one frame into the pipe's own memory and commits it in one step, because each call on the response's pipe costs more than the few
/// bytes of a field.
/// </summary>
internal ref struct SseFrame(IBufferWriter<byte> output)
{
    // A UTF-16 character has at most three bytes in UTF-8, so a run fits well into one block of the response's pipe.
    private const int MaxRun = 1024;
    private const int MaxBytesPerChar = 3;

    private Span<byte> _span = output.GetSpan();
    private int _written;

    /// <summary>Bytes that were committed.</summary>
    public int Length { get; private set; }

    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            EnsureRoom(1);
            int run = Math.Min(bytes.Length, _span.Length - _written);
            bytes[..run].CopyTo(_span[_written..]);
            _written += run;
            bytes = bytes[run..];
        }
    }

    public void Write(scoped ReadOnlySpan<char> text)
    {
        while (text.Length > 0)
        {
            int run = Math.Min(text.Length, MaxRun);
            if (run < text.Length && char.IsHighSurrogate(text[run - 1]))
            {
                run--; // A surrogate pair must be encoded together.
            }

            EnsureRoom(run * MaxBytesPerChar);
            _written += Encoding.UTF8.GetBytes(text[..run], _span[_written..]);
            text = text[run..];
        }
    }

    public void Commit()
    {
        output.Advance(_written);
        Length += _written;
        _written = 0;
        _span = default;
    }

    private void EnsureRoom(int size)
    {
        if (_span.Length - _written < size)
        {
            Commit();
            _span = output.GetSpan(size);
        }
    }
}
