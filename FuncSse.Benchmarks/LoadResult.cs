namespace FuncSse.Benchmarks;

/// <summary>What one server did in one round.</summary>
/// <param name="Processor">Of the server, in µs an event.</param>
/// <param name="Memory">Resident, in KB a stream.</param>
/// <param name="FirstByte">From the request to the response's first byte, in ms; the median of the streams.</param>
/// <param name="Late">In ms; 99 % of the events were less late.</param>
/// <param name="Drift">In ms a minute; the median of the streams.</param>
/// <param name="ClientProcessor">Of the load client, in µs an event.</param>
/// <param name="Others">How many cores all other processes kept busy meanwhile; NaN where the system does not tell.</param>
internal sealed record LoadResult(
    double Processor, double Memory, double FirstByte, double Late, double Drift, double ClientProcessor, double Others);
