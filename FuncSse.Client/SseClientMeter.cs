namespace FuncSse.Client;

/// <summary>The meter that counts what clients read, for an OpenTelemetry exporter or <c>dotnet-counters</c>.</summary>
public static class SseClientMeter
{
    /// <summary>The name of the meter. Its instruments follow OpenTelemetry's conventions for names and units.</summary>
    public const string Name = "FuncSse.Client";
}
