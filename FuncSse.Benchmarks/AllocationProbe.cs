using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>Asks a server on .NET how much it has allocated: see <see cref="StartupHook"/>.</summary>
internal sealed class AllocationProbe : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private Socket? _hook;

    public AllocationProbe() => _listener.Start();

    /// <summary>Makes the server answer, once it has started.</summary>
    public void Attach(ProcessStartInfo command)
    {
        command.Environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        command.Environment[StartupHook.PortVariable] = ((IPEndPoint)_listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Since the process began: managed bytes, and collections of the youngest generation.</summary>
    public (long Bytes, long Collections) Ask()
    {
        _hook ??= _listener.AcceptSocket();
        Span<byte> answer = stackalloc byte[2 * sizeof(long)];
        _hook.Send(answer[..1]);
        _hook.Receive(answer);
        return (BinaryPrimitives.ReadInt64LittleEndian(answer), BinaryPrimitives.ReadInt64LittleEndian(answer[sizeof(long)..]));
    }

    public void Dispose()
    {
        _hook?.Dispose();
        _listener.Dispose();
    }
}
