using System.Globalization;

namespace FuncSse.Benchmarks;

/// <summary>The options of the command line. Each mode has defaults of its own.</summary>
internal sealed record Options
{
    public const string Usage = """
          --streams 5000       streams that are open at once, up to 20,000
          --seconds 20         length of the measured window, 5 to 200
          --rounds 3           the servers run one after another in each round
          --warm-up 20         seconds before the measured window, in the modes that publish at a rate; 0 measures a cold server
          --rate 20            events a second over all topics
          --servers NAME,…     some of the mode's servers; funcsse@PATH is the FuncSse.SelfHost.dll of another build, and
                               PID@http://127.0.0.1:PORT a process that already runs, such as the worker behind a Functions host

        The servers inherit the environment, so DOTNET_TieredPGO=0, for example, is for all of them.
        """;

    public int Streams { get; init; } = 5000;

    public int Seconds { get; init; } = 20;

    public int Rounds { get; init; } = 3;

    public int WarmUp { get; init; } = 20;

    public int Rate { get; init; } = 20;

    public string[] Servers { get; init; } = ["funcsse"];

    /// <summary>Whether managed allocation is measured, which costs a little processor time.</summary>
    public bool IsProbed { get; init; }

    /// <summary>The measured window.</summary>
    public TimeSpan Window => TimeSpan.FromSeconds(Seconds);

    /// <returns>null if an argument is not understood.</returns>
    /// <exception cref="BenchmarkException">A number is out of range.</exception>
    public Options? Parse(ReadOnlySpan<string> args) => args switch
    {
        [] => this,
        [string name, string value, .. ReadOnlySpan<string> rest] => With(name, value)?.Parse(rest),
        _ => null,
    };

    private Options? With(string name, string value) => name switch
    {
        "--streams" => this with { Streams = Number(name, value, 1, 20_000) },

        // A stream of the self-host ends itself after four to five minutes: the opening and the window must fit before that.
        "--seconds" => this with { Seconds = Number(name, value, 5, 200) },
        "--rounds" => this with { Rounds = Number(name, value, 1, 100) },
        "--warm-up" => this with { WarmUp = Number(name, value, 0, 60) },
        "--rate" => this with { Rate = Number(name, value, 1, 1000) },
        "--servers" => this with { Servers = value.Split(',') },
        _ => null,
    };

    private static int Number(string name, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new BenchmarkException($"{name}: '{text}' is not a number from {least} to {most}.");
}
