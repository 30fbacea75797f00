using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FuncSse.Tests;

/// <summary>
/// One Firefox with a fresh profile for the tests of a class. No driver controls it: its first page asks a server of the tests which page to
/// open next.
/// </summary>
public sealed class Firefox : IAsyncLifetime
{
    private const string FirstPage =
        """
        <!DOCTYPE html><script type=module>
        for (let tab; ;) {
          const address = await (await fetch('/next')).text();
          tab?.close();
          tab = open(address);
        }
        </script>
        """;

    private static readonly string?[] s_candidates =
        [Environment.GetEnvironmentVariable("FUNCSSE_FIREFOX"), "/usr/bin/firefox-esr", "/usr/bin/firefox"];

    /// <summary>Where it is, if there is one.</summary>
    public static string? Executable { get; } = Array.Find(s_candidates, File.Exists);

    // Firefox starts slowly on a busy machine.
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(4);

    private readonly DirectoryInfo _profile = Directory.CreateTempSubdirectory("funcsse-firefox");
    private readonly Channel<string> _addresses = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication? _app;
    private Process? _process;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Opens a page in a tab, and closes the one before.</summary>
    public async Task OpenAsync(string address)
    {
        Assert.SkipWhen(Executable is null, "There is no Firefox. Type `sudo apt-get install firefox-esr`, or set FUNCSSE_FIREFOX to the path of one.");
        if (_process is null)
        {
            await StartAsync(Executable!);
        }

        await _started.Task.WaitAsync(s_startLimit, TestContext.Current.CancellationToken);
        Assert.True(_addresses.Writer.TryWrite(address));
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
            _process.Dispose();
            await _app!.DisposeAsync();
        }

        _profile.Delete(recursive: true);
    }

    private async Task StartAsync(string path)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapGet("/", () => Results.Content(FirstPage, "text/html"));
        _app.MapGet("/next", async (CancellationToken left) =>
        {
            _started.TrySetResult();
            return await _addresses.Reader.ReadAsync(left);
        });
        await _app.StartAsync(TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(_profile.FullName, "user.js"),
            """
            user_pref("browser.shell.checkDefaultBrowser", false);
            user_pref("browser.startup.homepage_override.mstone", "ignore");
            user_pref("datareporting.policy.dataSubmissionEnabled", false);
            user_pref("dom.disable_open_during_load", false);
            user_pref("network.captive-portal-service.enabled", false);
            user_pref("network.connectivity-service.enabled", false);
            user_pref("toolkit.telemetry.enabled", false);
            """,
            TestContext.Current.CancellationToken);
        var start = new ProcessStartInfo(path, ["--headless", "--no-remote", "--profile", _profile.FullName, _app.Urls.Single()])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["MOZ_CRASHREPORTER_DISABLE"] = "1";
        start.Environment["HOME"] = _profile.FullName;
        _process = Process.Start(start)!;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }
}
