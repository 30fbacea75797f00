using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FuncSse.Benchmarks;

/// <summary>
/// From the start of the process to the first byte of an answer: the self-host beside the least that is an ASP.NET Core app.
/// </summary>
internal static class StartBenchmark
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static int Run(BenchmarkOptions options)
    {
        string output = Directory.CreateTempSubdirectory("funcsse-benchmarks-").FullName;
        try
        {
            List<PublishedApp> apps = Publish(options, output);
            var times = apps.ToDictionary(app => app, _ => new List<double>());

            // The first of each fills the file cache and is not counted.
            for (int round = 0; round <= options.Rounds; round++)
            {
                foreach (PublishedApp app in apps)
                {
                    Progress.Show($"start {round} of {options.Rounds}, {app.Title}");
                    double time = Measure(app, options);
                    if (round > 0)
                    {
                        times[app].Add(time);
                    }
                }
            }

            Progress.Clear();
            Print(times, options.Rounds);
            return 0;
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }

    private static List<PublishedApp> Publish(BenchmarkOptions options, string output)
    {
        var apps = new List<PublishedApp>();
        foreach (PublishKind kind in Enum.GetValues<PublishKind>())
        {
            Progress.Show($"publish, {kind}");
            foreach (string name in (string[])["self-host", "minimal"])
            {
                string project = name == "minimal" ? MinimalApp : SelfHostProject;
                if (PublishedApp.TryPublish(name, project, kind, output, options, out string reason) is { } app)
                {
                    apps.Add(app);
                }
                else
                {
                    Progress.Clear();
                    Console.Error.WriteLine($"{name}, {kind}, is left out: {reason}");
                }
            }
        }

        return apps;
    }

    private static string SelfHostProject => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../FuncSse.SelfHost"));

    private static string MinimalApp => Path.Combine(AppContext.BaseDirectory, "minimal.cs");

    private static double Measure(PublishedApp app, BenchmarkOptions options)
    {
        int port = FreePort();
        ProcessStartInfo command = app.Command(port);
        foreach ((string variable, string value) in options.Environment)
        {
            command.Environment[variable] = value;
        }

        command.RedirectStandardOutput = true;
        long start = Stopwatch.GetTimestamp();
        using Process process = Process.Start(command)!;
        try
        {
            process.OutputDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            while (!TryReadFirstByte(port))
            {
                if (process.HasExited || Stopwatch.GetElapsedTime(start) > Limit)
                {
                    throw new BenchmarkException($"{app.Title} did not answer.");
                }

                Thread.Sleep(1);
            }

            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool TryReadFirstByte(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            socket.Send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
            return socket.Receive(stackalloc byte[1]) == 1;
        }
        catch (SocketException)
        {
            return false; // It does not listen yet.
        }
    }

    private static void Print(Dictionary<PublishedApp, List<double>> times, int rounds)
    {
        Console.WriteLine($"{Machine.Describe()}. {rounds} starts each.\n");
        Console.WriteLine("| from the start of the process to the first byte | ms | ÷ minimal |\n| --- | ---: | ---: |");
        foreach ((PublishedApp app, List<double> values) in times)
        {
            List<double>? minimal = times.FirstOrDefault(other => other.Key.Name == "minimal" && other.Key.Kind == app.Kind).Value;
            string ratio = minimal is null ? "" : Figures.Short(Figures.Median(values.Zip(minimal, (one, other) => one / other)));
            Console.WriteLine($"| {app.Title} | {Figures.Spread(values)} | {ratio} |");
        }
    }
}
