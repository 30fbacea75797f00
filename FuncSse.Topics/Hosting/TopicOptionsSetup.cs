using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Topics;

/// <summary>Reads the options from a configuration section.</summary>
internal sealed class TopicOptionsSetup(IConfigurationSection section, ILogger<TopicOptions> logger) : IConfigureOptions<TopicOptions>
{
    private bool _hasWarned;

    public void Configure(TopicOptions options)
    {
        var settings = new SettingsReader(section.Path, section);
        Read(options, settings);
        settings.ThrowIfFailed(typeof(TopicOptions));
        if (!Interlocked.Exchange(ref _hasWarned, true))
        {
            // The options are created twice, by the check at startup and by the app. The warning is written once.
            settings.WarnOfUnknown([], logger);
        }
    }

    private static void Read(TopicOptions options, SettingsReader settings)
    {
        options.Log = settings.Text(nameof(options.Log), options.Log, text => text is "memory" or "storage" or "redis", "memory, storage or redis");
        options.Name = settings.Text(nameof(options.Name), options.Name, IsName, "3 to 63 lower-case letters, digits and single hyphens between them");
        options.Storage = settings.Text(nameof(options.Storage), options.Storage, text => text.Length > 0, "the name of a connection");
        options.Redis = settings.Text(nameof(options.Redis), options.Redis, _ => true, "");
        options.Retention = settings.Time(nameof(options.Retention), options.Retention, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30));
        options.MaxLogSize = settings.Number(nameof(options.MaxLogSize), options.MaxLogSize, 1 << 20, long.MaxValue);
        options.MaxEventSize = (int)settings.Number(nameof(options.MaxEventSize), options.MaxEventSize, 1, 1 << 20);
        options.RingSize = (int)settings.Number(nameof(options.RingSize), options.RingSize, 64 << 10, int.MaxValue);
        options.PollInterval = settings.Time(nameof(options.PollInterval), options.PollInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(10));
        options.MaxTopicsPerStream = (int)settings.Number(nameof(options.MaxTopicsPerStream), options.MaxTopicsPerStream, 1, 10_000);
        options.MaxPublishRate = settings.Limit(nameof(options.MaxPublishRate), options.MaxPublishRate);
        options.MaxRetained = (int)settings.Number(nameof(options.MaxRetained), options.MaxRetained, 0, 1_000_000);
        options.MaxRecordings = (int)settings.Number(nameof(options.MaxRecordings), options.MaxRecordings, 1, 100_000);
        options.MaxTicketLifetime = settings.Time(
            nameof(options.MaxTicketLifetime), options.MaxTicketLifetime, TimeSpan.FromSeconds(1), TimeSpan.FromDays(365));
        options.Public = settings.List(
            nameof(options.Public), options.Public, list => list.All(TopicName.IsValidToSubscribe), "names of topics and patterns such as news/*, separated by spaces", ' ');
        options.PublishKey = settings.Secrets(nameof(options.PublishKey), options.PublishKey, key => key.Length > 0, "a key that is not empty, or several as :0, :1, …");
        options.SigningKey = settings.Secrets(nameof(options.SigningKey), options.SigningKey, TopicOptions.IsSigningKey, "a key of at least 32 bytes of UTF-8, or several as :0, :1, …");
    }

    // The rule for the name of a container. A Redis key may have any such name.
    private static bool IsName(string name) =>
        name.Length is >= 3 and <= 63 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
        && name[0] != '-' && name[^1] != '-' && !name.Contains("--", StringComparison.Ordinal);

    /// <summary>Checks the options that code has set. Without a section, the same lines keep each value and only check it.</summary>
    internal sealed class Check : IValidateOptions<TopicOptions>
    {
        public ValidateOptionsResult Validate(string? name, TopicOptions options)
        {
            var settings = new SettingsReader(TopicOptions.Section, section: null);
            Read(options, settings);
            return settings.Failures.Count > 0 ? ValidateOptionsResult.Fail(settings.Failures) : ValidateOptionsResult.Success;
        }
    }
}
