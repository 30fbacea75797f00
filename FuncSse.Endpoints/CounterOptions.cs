using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FuncSse.Endpoints;

/// <summary>The counter's option, in the section <c>Sse</c> of the two hosts.</summary>
public sealed class CounterOptions
{
    /// <summary>The time between two counts: 1 ms to 1 day, 1 s by default.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    internal sealed class Setup(IConfigurationSection section) : IConfigureOptions<CounterOptions>
    {
        public void Configure(CounterOptions options)
        {
            var settings = new SettingsReader(section.Path, section);
            options.Interval = settings.Time(nameof(Interval), options.Interval, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
            settings.ThrowIfFailed(typeof(CounterOptions));
        }
    }
}
