namespace FuncSse.Benchmarks;

/// <summary>What is being done now: one line that is written over on a terminal, else a line at each change.</summary>
internal static class Progress
{
    private static string s_step = "";
    private static int s_width;

    /// <param name="step">What is done.</param>
    /// <param name="detail">How far it is: shown on a terminal only.</param>
    public static void Show(string step, string detail = "")
    {
        if (Console.IsErrorRedirected)
        {
            if (step != s_step)
            {
                Console.Error.WriteLine(step);
            }
        }
        else
        {
            string line = $"{step} {detail}";
            Console.Error.Write($"\r{line.PadRight(s_width)}");
            s_width = line.Length;
        }

        s_step = step;
    }

    /// <summary>Leaves an empty line for the table.</summary>
    public static void Clear()
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write($"\r{new string(' ', s_width)}\r");
        }

        s_width = 0;
    }

    /// <summary>Waits, and counts down meanwhile.</summary>
    public static void Wait(string step, TimeSpan time)
    {
        long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        for (long left = end - Environment.TickCount64; left > 0; left = end - Environment.TickCount64)
        {
            Show(step, $"({(left + 999) / 1000} s)");
            Thread.Sleep((int)Math.Min(left, 1000));
        }
    }
}
