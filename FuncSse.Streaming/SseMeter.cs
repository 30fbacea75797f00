namespace FuncSse.Streaming;

/// <summary>The meter that counts streams, for an OpenTelemetry exporter or <c>dotnet-counters</c>.</summary>
public static class SseMeter
{
    /// <summary>The name of the meter. Its instruments follow OpenTelemetry's conventions for names and units.</summary>
    public const string Name = "FuncSse";
}
