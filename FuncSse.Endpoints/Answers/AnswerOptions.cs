using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FuncSse.Endpoints;

/// <summary>The settings of the local answers: the section <c>Answers</c> of the configuration.</summary>
public sealed class AnswerOptions
{
    /// <summary>The name of the configuration section.</summary>
    public const string Section = "Answers";

    /// <summary>How many words a second the local model says: 1 to 10,000; 20 by default.</summary>
    public long TokensPerSecond { get; set; } = 20;

    /// <summary>
    /// How long an answer may take: 1 s to 1 day, 9 minutes by default. On Azure Functions it must be 30 s less than <c>functionTimeout</c>.
    /// </summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromMinutes(9);

    internal sealed class Setup(IConfigurationSection section) : IConfigureOptions<AnswerOptions>
    {
        public void Configure(AnswerOptions options)
        {
            var settings = new SettingsReader(section.Path, section);
            options.TokensPerSecond = settings.Number(nameof(options.TokensPerSecond), options.TokensPerSecond, 1, 10_000);
            options.MaxDuration = settings.Time(nameof(options.MaxDuration), options.MaxDuration, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
            settings.ThrowIfFailed(typeof(AnswerOptions));
        }
    }
}
