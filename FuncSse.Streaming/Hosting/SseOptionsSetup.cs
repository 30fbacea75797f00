using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>Reads the options from a configuration section.</summary>
/// <param name="section">The section.</param>
/// <param name="otherSettings">Names of settings of the same section that belong to the app.</param>
/// <param name="logger">The logger that reports unknown settings.</param>
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
            // The options are made twice: for the check at startup and for the app.
            settings.WarnOfUnknown(otherSettings, logger);
        }
    }

    /// <summary>Whether the app's configuration has the section, but nothing reads it.</summary>
    public static bool IsSectionIgnored(IConfiguration? configuration, IEnumerable<IConfigureOptions<SseOptions>> setups) =>
        configuration?.GetSection(SseOptions.Section).Exists() == true
        && !setups.Any(setup => setup is SseOptionsSetup
            or NamedConfigureFromConfigurationOptions<SseOptions> or ConfigureNamedOptions<SseOptions, IConfiguration>); // The framework's own setups.

    private static void Read(SseOptions options, SettingsReader settings)
    {
        options.Retry = settings.Time(nameof(options.Retry), options.Retry, SseOptions.MinRetry, SseOptions.MaxRetry);
        options.KeepAlive = settings.Time(nameof(options.KeepAlive), options.KeepAlive, SseOptions.MinKeepAlive, SseOptions.MaxKeepAlive);
        options.MaxDuration = settings.Time(nameof(options.MaxDuration), options.MaxDuration, SseOptions.MinLifetime, SseOptions.MaxLifetime);
        options.WriteTimeout = settings.Time(nameof(options.WriteTimeout), options.WriteTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1));
        options.MaxStreams = settings.Limit(nameof(options.MaxStreams), options.MaxStreams);
        options.MaxStreamsPerClient = settings.Limit(nameof(options.MaxStreamsPerClient), options.MaxStreamsPerClient);
        options.Proxies = (int)settings.Number(nameof(options.Proxies), options.Proxies, min: 0, max: 10);
        options.ClientHeader = settings.Text(nameof(options.ClientHeader), options.ClientHeader, IsHeader, "the name of a request header");
        // An origin contains neither a comma nor a semicolon, so a list may be separated by them.
        options.AllowedOrigins = settings.List(
            nameof(options.AllowedOrigins), options.AllowedOrigins, SseCors.IsAllowed, SseCors.Allowed, ' ', ',', ';');
        options.Padding = (int)settings.Number(nameof(options.Padding), options.Padding, min: 0, max: SseOptions.MaxPadding);
    }

    // A token (RFC 9110 §5.6.2).
    private static bool IsHeader(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal));

    /// <summary>Checks the options that code has set, with the same rules. Without a section, each value stays as it is.</summary>
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
