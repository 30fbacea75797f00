using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace FuncSse.Tests;

/// <summary>The self-host as a process of its own, as a user runs it. It can be stopped, killed and started again on the same port.</summary>
public sealed partial class SelfHost : IAsyncDisposable
{
    /// <summary>Settings with which it counts ten times a second.</summary>
    public static readonly (string Name, string Value)[] Fast = [("Sse__Interval", "00:00:00.1"), ("Sse__Retry", "00:00:00.1")];

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static readonly string s_assembly = Path.Combine(AppContext.BaseDirectory, "FuncSse.SelfHost.dll");

    private readonly (string Name, string Value)[] _settings;
    private Process? _process;

    private SelfHost((string Name, string Value)[] settings) => _settings = settings;

    public Uri Address { get; private set; } = new("http://127.0.0.1:0");

    public Uri Events => new(Address, "events");

    /// <summary>All lines that it has written, in the order they came.</summary>
    public ConcurrentQueue<string> Output { get; } = new();

    public int Id => _process!.Id;

    /// <summary>Starts it on a free port, with settings such as <c>("Sse__Interval", "00:00:00.1")</c>.</summary>
    public static async Task<SelfHost> StartAsync(params (string Name, string Value)[] settings)
    {
        var host = new SelfHost(settings);
        await host.StartAgainAsync();
        return host;
    }

    /// <summary>Starts it where its own settings say, and not on a free port.</summary>
    public static async Task<SelfHost> StartAtAsync(params (string Name, string Value)[] settings)
    {
        var host = new SelfHost(settings);
        await host.ListenAsync(StartInfo(settings));
        return host;
    }

    /// <summary>Runs it until it ends by itself, and returns its exit code and what it wrote.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(params (string Name, string Value)[] settings)
    {
        using Process process = Process.Start(StartInfo(settings))!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(s_limit);
        return (process.ExitCode, await output, await error);
    }

    public Task StartAgainAsync() => ListenAsync(StartInfo([.. _settings, ("ASPNETCORE_URLS", Address.GetLeftPart(UriPartial.Authority))]));

    /// <summary>Asks it to stop as a platform does (SIGTERM), and returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM. Run this test on Linux or macOS.");
        using (Process kill = Process.Start("kill", ["-TERM", _process!.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync();
        }

        await _process.WaitForExitAsync().WaitAsync(s_limit);
        return _process.ExitCode;
    }

    /// <summary>Ends it without a word (SIGKILL).</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync().WaitAsync(s_limit);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await KillAsync();
        }

        _process?.Dispose();
    }

    private async Task ListenAsync(ProcessStartInfo start)
    {
        var listening = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => OnLine(line.Data);
        _process.ErrorDataReceived += (_, line) => OnLine(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Address = await listening.Task.WaitAsync(s_limit);

        void OnLine(string? line)
        {
            if (line is null)
            {
                listening.TrySetException(new InvalidOperationException(string.Join('\n', Output)));
                return;
            }

            Output.Enqueue(line);
            if (LookAt().Match(line) is { Success: true } match)
            {
                listening.TrySetResult(new Uri(match.Groups[1].Value));
            }
        }
    }

    private static ProcessStartInfo StartInfo((string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [s_assembly]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_ENVIRONMENT"] = "Development"; // As `dotnet run` sets it.
        foreach ((string name, string value) in settings)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    [GeneratedRegex(@"^Look at (\S+)")]
    private static partial Regex LookAt();
}
