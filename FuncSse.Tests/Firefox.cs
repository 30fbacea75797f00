using System.Diagnostics;

namespace FuncSse.Tests;

/// <summary>A Firefox of its own, with a fresh profile, that opens one page. Nothing controls it: the page reports to its server.</summary>
internal sealed class Firefox : IAsyncDisposable
{
    private static readonly string?[] Candidates =
        [Environment.GetEnvironmentVariable("FUNCSSE_FIREFOX"), "/usr/bin/firefox-esr", "/usr/bin/firefox"];

    private readonly DirectoryInfo _profile = Directory.CreateTempSubdirectory("funcsse-firefox");
    private readonly Process _process;

    private Firefox(string path, string address)
    {
        File.WriteAllText(
            Path.Combine(_profile.FullName, "user.js"),
            """
            user_pref("browser.shell.checkDefaultBrowser", false);
            user_pref("browser.startup.homepage_override.mstone", "ignore");
            user_pref("datareporting.policy.dataSubmissionEnabled", false);
            user_pref("dom.disable_open_during_load", false);
            user_pref("network.captive-portal-service.enabled", false);
            user_pref("network.connectivity-service.enabled", false);
            user_pref("toolkit.telemetry.enabled", false);
            """);
        var start = new ProcessStartInfo(path, ["--headless", "--no-remote", "--profile", _profile.FullName, address])
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

    public static Firefox Open(string address)
    {
        string? path = Array.Find(Candidates, File.Exists);
        Assert.SkipWhen(path is null, "No Firefox: set FUNCSSE_FIREFOX to the path of one.");
        return new Firefox(path, address);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        _process.Dispose();
        _profile.Delete(recursive: true);
    }
}
