using System.Buffers;
using System.Text;

namespace FuncSse.Topics;

/// <summary>Encodes the frames of a topic stream (WHATWG HTML §9.2.5).</summary>
internal static class TopicFrame
{
    /// <summary>Sets the client's last event id. <c>onmessage</c> does not see it.</summary>
    public static byte[] Position(LogPosition position) => Encoding.UTF8.GetBytes(PositionText(position));

    /// <summary>
    /// Tells the client that it lost events, and then sets its last event id to <paramref name="now"/>. The reset has no id: a client that is cut
    /// between the two frames comes back with its old id, and is told again.
    /// </summary>
    public static byte[] Reset(PositionState reason, LogPosition now) =>
        Encoding.UTF8.GetBytes($"event: reset\ndata: {{\"reason\":\"{Name(reason)}\"}}\n\n{PositionText(now)}");

    /// <summary>
    /// An event; its data is split at CR, LF and CRLF. The id comes last: some clients store an id as soon as they read its line, and would lose
    /// an event that is cut after it.
    /// </summary>
    public static ReadOnlySpan<byte> Event(LogPosition position, string? type, ReadOnlySpan<byte> data)
    {
        var frame = new ArrayBufferWriter<byte>(data.Length + 128);
        if (type is not null)
        {
            Encoding.UTF8.GetBytes($"event: {type}\n", frame);
        }

        frame.Write("data: "u8);
        for (int lineEnd; (lineEnd = data.IndexOfAny((byte)'\r', (byte)'\n')) >= 0;)
        {
            frame.Write(data[..lineEnd]);
            frame.Write("\ndata: "u8);
            data = data[(lineEnd + (data[lineEnd..].StartsWith("\r\n"u8) ? 2 : 1))..];
        }

        frame.Write(data);
        Encoding.UTF8.GetBytes($"\nid: {position}\n\n", frame);
        return frame.WrittenSpan;
    }

    /// <summary>The reason of a reset, as it is sent and as the metric has it.</summary>
    public static string Name(PositionState reason) => reason == PositionState.Expired ? "expired" : "unknown";

    private static string PositionText(LogPosition position) => $"event: position\ndata: {{}}\nid: {position}\n\n";
}
