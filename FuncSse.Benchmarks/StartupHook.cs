using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

/// <summary>
/// Runs inside a server under test, before its Main, and tells the benchmark how much it has allocated: so the self-host is
/// measured as it is, without an endpoint for it. See DOTNET_STARTUP_HOOKS; the name and the missing namespace are the runtime's rule.
/// </summary>
[SuppressMessage("Performance", "CA1812", Justification = "The runtime calls it.")]
internal sealed class StartupHook
{
    public const string PortVariable = "FUNCSSE_BENCHMARKS_PORT";

    public static void Initialize()
    {
        int port = int.Parse(Environment.GetEnvironmentVariable(PortVariable)!, CultureInfo.InvariantCulture);
        new Thread(() => Answer(port)) { IsBackground = true }.Start();
    }

    private static void Answer(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        byte[] answer = new byte[2 * sizeof(long)];
        while (socket.Receive(answer, 1, SocketFlags.None) == 1)
        {
            BinaryPrimitives.WriteInt64LittleEndian(answer, GC.GetTotalAllocatedBytes(precise: true));
            BinaryPrimitives.WriteInt64LittleEndian(answer.AsSpan(sizeof(long)), GC.CollectionCount(0));
            socket.Send(answer);
        }
    }
}
