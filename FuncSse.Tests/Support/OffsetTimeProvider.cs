namespace FuncSse.Tests.Topics;

/// <summary>A clock that runs as it should and is set wrong.</summary>
internal sealed class OffsetTimeProvider(TimeSpan offset) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + offset;
}
