namespace FuncSse.Topics;

/// <summary>How far the hub's reader has come: the newest event in the ring, and the position in the log.</summary>
internal sealed record HubHead(long Sequence, LogPosition Position);
