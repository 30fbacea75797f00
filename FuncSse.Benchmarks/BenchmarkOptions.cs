using System.Globalization;

namespace FuncSse.Benchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed class BenchmarkOptions
{
    private const string Usage = """
        dotnet run -c Release --project FuncSse.Benchmarks -- [load|alloc|start|others|topics|burst|micro] [options]

          load   (default) CPU, memory, first byte and lateness of every server under the same streams
          alloc  managed bytes an event in steady state, of the servers that run on .NET
          start  from the start of the process to the first byte
          others a download of 100 MB from an app that is set up for streams and from one without the package
          topics what topics cost and how quick they are, compared with other servers; --only names parts of it:
                 fanout,latency,instances,publish,many,storm,memory,alloc,redis,rate,return
          burst  a replay of 100,000 events, and another endpoint beside four of them
          micro  BenchmarkDotNet: the frame writer beside SseFormatter (its own options follow)

          --streams 5000[,500,…]   open at once; each number gives a table of its own
          --seconds 20             of the measured window, 5 to 200 (alloc: 60)
          --rounds 3               the servers run one after another in each round (start: 10; alloc: 1; others: 20)
          --servers floor,kestrel,funcsse,typed,typed-periodic,pipe,express
                                   funcsse-json,typed-json (alloc only, by default),
                                   and funcsse@PATH: another build of FuncSse.SelfHost.dll beside,
                                   PID@http://127.0.0.1:PORT: a process that runs already, such as
                                   a Functions host's worker, and where its streams are to be had
                                   (topics: funcsse,hand,nchan,floor,better-sse, and funcsse@PATH)
          --rate 20                events a second on each topic (topics)
          --only fanout,storm      parts of `topics`
          --env NAME=VALUE         for every server; may be repeated
        """;

    public string Mode { get; private set; } = "load";

    public int[] Streams { get; private set; } = [5000];

    public int Seconds { get; private set; } = 20;

    public int Rounds { get; private set; } = 3;

    public string[] Servers { get; private set; } = ServerCatalog.Names;

    /// <summary>Of topics, in events a second.</summary>
    public int Rate { get; private set; } = 20;

    /// <summary>Parts of the benchmark of topics.</summary>
    public string[] Parts { get; private set; } = TopicsBenchmark.Parts;

    public Dictionary<string, string> Environment { get; } = [];

    /// <exception cref="BenchmarkException">An argument is not understood.</exception>
    public static BenchmarkOptions Parse(string[] args)
    {
        var options = new BenchmarkOptions();
        int start = 0;
        if (args is ["load" or "alloc" or "start" or "others" or "topics" or "burst", ..])
        {
            options.Mode = args[0];
            start = 1;
        }

        if (options.Mode == "alloc")
        {
            (options.Seconds, options.Rounds) = (60, 1);
            options.Servers = [.. ServerCatalog.Names, .. ServerCatalog.JsonNames];
        }
        else if (options.Mode == "start")
        {
            (options.Streams, options.Rounds) = ([1], 10);
        }
        else if (options.Mode == "others")
        {
            (options.Streams, options.Rounds) = ([1], 20);
        }

        else if (options.Mode == "topics")
        {
            (options.Streams, options.Seconds, options.Rounds, options.Servers) = ([4000], 10, 5, TopicCatalog.Names);
        }

        for (int i = start; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
            {
                throw new BenchmarkException(Usage);
            }

            options.Set(args[i], args[i + 1]);
        }

        return options;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "--streams":
                Streams = [.. value.Split(',').Select(part => Number(name, part, 1, 20_000))];
                break;
            case "--seconds":
                // A stream of the self-host ends itself after four to five minutes: the ramp and the window must fit before that.
                Seconds = Number(name, value, 5, 200);
                break;
            case "--rounds":
                Rounds = Number(name, value, 1, 100);
                break;
            case "--servers":
                Servers = value.Split(',');
                bool isOfTopics = Mode == "topics";
                if (Servers.FirstOrDefault(server => !(isOfTopics ? TopicCatalog.IsKnown(server) : ServerCatalog.IsKnown(server))) is { } unknown)
                {
                    string names = string.Join(", ", isOfTopics ? TopicCatalog.Names : ServerCatalog.Names);
                    throw new BenchmarkException($"--servers: '{unknown}' is none of {names}.");
                }

                break;
            case "--rate":
                Rate = Number(name, value, 1, 1000);
                break;
            case "--only":
                Parts = value.Split(',');
                if (Parts.Except(TopicsBenchmark.Parts).FirstOrDefault() is { } part)
                {
                    throw new BenchmarkException($"--only: '{part}' is none of {string.Join(", ", TopicsBenchmark.Parts)}.");
                }

                break;
            case "--env" when value.Split('=', 2) is [string variable, string content]:
                Environment[variable] = content;
                break;
            default:
                throw new BenchmarkException(Usage);
        }
    }

    private static int Number(string name, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new BenchmarkException($"{name}: '{text}' is not a number from {least} to {most}.");
}
