using System.Buffers;
using System.Text;

namespace FuncSse.Topics;

/// <summary>Encodes the frames of a topic stream (WHATWG HTML §9.2.5).</summary>
internal static class TopicFrame
{
    /// <summary>Sets the client's last event id. <c>onmessage</c> does not see it.</summary>
    public static byte[] Position(LogPosition position) => Encoding.UTF8.GetBytes($"event: position\nid: {position}\ndata: \n\n");

    /// <summary>Tells the client that it lost events, and sets its last event id to <paramref name="position"/>.</summary>
    public static byte[] Reset(LogPosition position, PositionState reason) =>
        Encoding.UTF8.GetBytes($"event: reset\nid: {position}\ndata: {{\"reason\":\"{Name(reason)}\"}}\n\n");

    /// <summary>An event; its data is split at CR, LF and CRLF.</summary>
    public static byte[] Event(LogPosition position, string? type, ReadOnlySpan<byte> data)
    {
        var frame = new ArrayBufferWriter<byte>(data.Length + 128);
        Encoding.UTF8.GetBytes($"id: {position}\n", frame);
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
        frame.Write("\n\n"u8);
        return frame.WrittenSpan.ToArray();
    }

    /// <summary>The reason of a reset, as it is sent and as the metric has it.</summary>
    public static string Name(PositionState reason) => reason == PositionState.Expired ? "expired" : "unknown";
}
