using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>Reads the options from a configuration section.</summary>
/// <param name="section">The section.</param>
/// <param name="otherSettings">Settings of the same section that belong to the app.</param>
/// <param name="logger">Where a setting that nobody knows is reported.</param>
internal sealed class SseOptionsSetup(IConfigurationSection section, string[] otherSettings, ILogger<SseOptions> logger) : IConfigureOptions<SseOptions>
{
    private bool _hasWarned;

    public void Configure(SseOptions options)
    {
        var settings = new SettingsReader(section.Path, section);
        Read(options, settings);
        settings.ThrowIfFailed(typeof(SseOptions));
        if (!Interlocked.Exchange(ref _hasWarned, true))
        {
            // Once: the check at the start and the app each have the options made.
            settings.WarnOfUnknown(otherSettings, logger);
        }
    }

    private static void Read(SseOptions options, SettingsReader settings)
    {
        options.Retry = settings.Time(nameof(options.Retry), options.Retry, SseOptions.MinRetry, SseOptions.MaxRetry);
        options.KeepAlive = settings.Time(nameof(options.KeepAlive), options.KeepAlive, SseOptions.MinKeepAlive, SseOptions.MaxKeepAlive);
        options.MaxDuration = settings.Time(nameof(options.MaxDuration), options.MaxDuration, SseOptions.MinLifetime, SseOptions.MaxLifetime);
        options.WriteTimeout = settings.Time(nameof(options.WriteTimeout), options.WriteTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1));
        options.MaxStreams = settings.Limit(nameof(options.MaxStreams), options.MaxStreams);
        options.MaxStreamsPerClient = settings.Limit(nameof(options.MaxStreamsPerClient), options.MaxStreamsPerClient);
        options.Proxies = (int)settings.Number(nameof(options.Proxies), options.Proxies, min: 0, max: 10);
        // Origins hold neither commas nor semicolons, so a list that uses them is not misread.
        options.AllowedOrigins = settings.List(
            nameof(options.AllowedOrigins), options.AllowedOrigins, SseCors.IsAllowed, SseCors.Allowed, ' ', ',', ';');
        options.Padding = (int)settings.Number(nameof(options.Padding), options.Padding, min: 0, max: SseOptions.MaxPadding);
    }

    /// <summary>Checks the options that code has set, by the same lines: without a section each value stays what it is.</summary>
    internal sealed class Check : IValidateOptions<SseOptions>
    {
        public ValidateOptionsResult Validate(string? name, SseOptions options)
        {
            var settings = new SettingsReader(SseOptions.Section, section: null);
            Read(options, settings);
            return settings.Failures.Count > 0 ? ValidateOptionsResult.Fail(settings.Failures) : ValidateOptionsResult.Success;
        }
    }
}
