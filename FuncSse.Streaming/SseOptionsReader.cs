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

    // A stream is over within 0.7 s of its end, unless its feed blocks the thread that asks it.
    private static readonly TimeSpan EndMargin = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _failures = [];

    public TimeSpan Time(string name, TimeSpan fallback, TimeSpan min, TimeSpan max)
    {
        if (Value(name) is not { } text)
        {
            return fallback;
        }

        // A number alone would be days, and is never meant so.
        if (text.Contains(':', StringComparison.Ordinal)
            && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) && time >= min && time <= max)
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
        _known.Add(name);
        IConfigurationSection setting = section.GetSection(name);
        if (!setting.Exists() && setting.Value is null)
        {
            return fallback;
        }

        // As one setting or as the array that JSON gives; both are usual. A list that came out empty is no list of all.
        string[] origins =
        [
            .. (setting.Value ?? "").Split(Separators, StringSplitOptions.RemoveEmptyEntries),
            .. setting.GetChildren().Select(child => child.Value ?? ""),
        ];
        return origins is ["*"] || (origins.Length > 0 && origins.All(IsOrigin))
            ? origins
            : Fail(name, setting.Value ?? string.Join(',', origins), "* alone, or origins as browsers send them, such as https://example.com,http://localhost:3000", fallback);
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

    // Scheme, host in ASCII and the port unless it is the scheme's own: nothing else is ever sent as one (RFC 6454 §6.2).
    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
        && text == $"{uri.Scheme}://{(uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost)}{(uri.IsDefaultPort ? "" : $":{uri.Port}")}";

    private string? Value(string name)
    {
        _known.Add(name);
        if (section.GetSection(name).GetChildren().FirstOrDefault() is { } child)
        {
            _failures.Add($"{child.Path} is no setting; {section.Path}:{name} is one value");
        }

        return section[name] is { Length: > 0 } value ? value : null;
    }

    private T Fail<T>(string name, string value, string allowed, T fallback)
    {
        _failures.Add($"{section.Path}:{name} is '{value.ReplaceLineEndings(" ")}'; allowed is {allowed}");
        return fallback;
    }
}
