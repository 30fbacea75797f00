using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>
/// Reads settings one by one and gathers what is wrong with them. The framework's binder would let a misspelt name pass, read "5" as
/// five days, and say what is wrong in a page of stack trace.
/// </summary>
internal sealed class SseOptionsReader(IConfigurationSection section)
{
    private static readonly char[] Separators = [',', ';', ' '];

    // A stream is over within a second of its end.
    private static readonly TimeSpan EndMargin = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _failures = [];

    public TimeSpan Time(string name, TimeSpan fallback, TimeSpan min, TimeSpan max)
    {
        if (Value(name) is not { } text)
        {
            return fallback;
        }

        if (TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) && time >= min && time <= max)
        {
            return time;
        }

        return Fail(name, text, string.Create(CultureInfo.InvariantCulture, $"a time from {min:g} to {max:g} as [days.]hours:minutes:seconds, such as 00:00:10"), fallback);
    }

    public int? Count(string name)
    {
        if (Value(name) is not { } text)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0
            ? count
            : Fail<int?>(name, text, $"a whole number from 1 to {int.MaxValue}, or nothing for no limit", null);
    }

    public IReadOnlyList<string> Origins(string name, IReadOnlyList<string> fallback)
    {
        // As one setting or as the array that JSON gives; both are usual, and neither may be ignored.
        string[] origins =
        [
            .. (Value(name) ?? "").Split(Separators, StringSplitOptions.RemoveEmptyEntries),
            .. section.GetSection(name).GetChildren().Select(child => child.Value ?? ""),
        ];
        if (origins.Length == 0)
        {
            return fallback;
        }

        if (origins is ["*"])
        {
            return origins;
        }

        foreach (string origin in origins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) || uri.GetLeftPart(UriPartial.Authority) != origin)
            {
                return Fail(name, string.Join(',', origins), "* alone, or origins as browsers send them, such as https://example.com,http://localhost:3000", fallback);
            }
        }

        return origins;
    }

    public void CheckLifetime(string name, TimeSpan lifetime, Func<TimeSpan?> readLimit)
    {
        try
        {
            if (readLimit() is { } limit && lifetime + EndMargin > limit)
            {
                Fail(name, lifetime.ToString("c"), $"up to {EndMargin:c} less than functionTimeout, which is {limit:c} and ends the whole worker", lifetime);
            }
        }
        catch (FormatException exception)
        {
            _failures.Add(exception.Message);
        }
    }

    public void ThrowIfFailed()
    {
        foreach (IConfigurationSection unknown in section.GetChildren().Where(child => !_known.Contains(child.Key)))
        {
            _failures.Add($"{unknown.Path} is no setting; there are {string.Join(", ", _known)}");
        }

        if (_failures.Count > 0)
        {
            throw new OptionsValidationException(section.Path, typeof(SseOptions), _failures);
        }
    }

    private string? Value(string name)
    {
        _known.Add(name);
        return section[name] is { Length: > 0 } value ? value : null;
    }

    private T Fail<T>(string name, string value, string allowed, T fallback)
    {
        _failures.Add($"{section.Path}:{name} is '{value.ReplaceLineEndings(" ")}'; allowed is {allowed}");
        return fallback;
    }
}
