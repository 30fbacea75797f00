using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>
/// Reads settings one by one, checks them and collects the errors. The framework's binder would read "5" as five days, ignore a misspelt
/// name, and report an invalid value with a page of stack trace.
/// </summary>
/// <param name="path">The section's name in messages.</param>
/// <param name="section">The section; <see langword="null"/> to check the current values only.</param>
internal sealed class SettingsReader(string path, IConfiguration? section)
{
    private readonly List<string> _known = [];

    /// <summary>One line for each value that is not allowed.</summary>
    public List<string> Failures { get; } = [];

    public TimeSpan Time(string name, TimeSpan current, TimeSpan min, TimeSpan max)
    {
        string? text = Value(name);
        // TimeSpan.Parse takes a number alone for days, which nobody means.
        if (text is null
            ? current >= min && current <= max
            : text.Contains(':', StringComparison.Ordinal)
              && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) && (current = time) >= min && time <= max)
        {
            return current;
        }

        string allowed = string.Create(CultureInfo.InvariantCulture, $"a time from {min:g} to {max:g} as [days.]hours:minutes:seconds, such as 00:00:10");
        return Fail(name, text ?? current.ToString("c"), allowed, current);
    }

    public int? Limit(string name, int? current)
    {
        string? text = Value(name);
        if (text is null ? current is null or > 0 : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && (current = count) > 0)
        {
            return current;
        }

        return Fail(name, text ?? $"{current}", $"a whole number from 1 to {int.MaxValue}, or nothing for no limit", current);
    }

    public long Number(string name, long current, long min, long max)
    {
        string? text = Value(name);
        long number = current;
        if ((text is null || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)) && number >= min && number <= max)
        {
            return number;
        }

        return Fail(name, text ?? $"{current}", $"a whole number from {min} to {max}", current);
    }

    [return: NotNullIfNotNull(nameof(current))]
    public string? Text(string name, string? current, Func<string, bool> isAllowed, string allowed)
    {
        string? text = Value(name) ?? current;
        return text is null || isAllowed(text) ? text : Fail(name, text, allowed, current);
    }

    /// <summary>Reads a secret, or several as an array. Errors do not contain the value.</summary>
    public IReadOnlyList<string> Secrets(string name, IReadOnlyList<string> current, Func<string, bool> isAllowed, string allowed)
    {
        _known.Add(name);
        IReadOnlyList<string> secrets = current;
        if (section?.GetSection(name) is { } setting && (setting.Exists() || setting.Value is not null))
        {
            secrets = [.. setting.Value is { } one ? [one] : Array.Empty<string>(), .. setting.GetChildren().Select(child => child.Value ?? "")];
        }

        if (!secrets.All(isAllowed))
        {
            Failures.Add($"{path}:{name} has a value that is not allowed; it must be {allowed}");
        }

        return secrets;
    }

    /// <summary>Reads a list from one setting, or from an array.</summary>
    public IReadOnlyList<string> List(
        string name, IReadOnlyList<string> current, Func<IReadOnlyList<string>, bool> isAllowed, string allowed, params char[] separators)
    {
        _known.Add(name);
        IReadOnlyList<string> list = current;
        if (section?.GetSection(name) is { } setting && (setting.Exists() || setting.Value is not null))
        {
            list =
            [
                .. (setting.Value ?? "").Split(separators, StringSplitOptions.RemoveEmptyEntries),
                .. setting.GetChildren().Select(child => child.Value ?? ""),
            ];
        }

        return isAllowed(list) ? list : Fail(name, section?[name] ?? string.Join(' ', list), allowed, current);
    }

    public void ThrowIfFailed(Type options)
    {
        if (Failures.Count > 0)
        {
            throw new OptionsValidationException(path, options, Failures);
        }
    }

    /// <summary>
    /// Reports the settings that nothing has read. They do not stop the app, so that it can be rolled back to a version that does not know a newer
    /// setting.
    /// </summary>
    public void WarnOfUnknown(IEnumerable<string> otherSettings, ILogger logger)
    {
        string[] known = [.. _known, .. otherSettings];
        foreach (IConfigurationSection setting in section!.GetChildren())
        {
            if (!known.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
            {
                StreamLogMessages.UnknownSetting(logger, setting.Path, $"{path}:{known.MinBy(name => (double)Distance(name, setting.Key) / Math.Max(name.Length, setting.Key.Length))}");
            }
        }
    }

    // Levenshtein's distance: how many letters have to be changed, added or removed.
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= b.Length; j++)
            {
                int change = diagonal + (char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }

    private string? Value(string name)
    {
        _known.Add(name);
        if (section?.GetSection(name).GetChildren().FirstOrDefault() is { } child)
        {
            Failures.Add($"{child.Path} is not a setting; {path}:{name} is one value");
        }

        return section?[name] is { Length: > 0 } value ? value : null;
    }

    private T Fail<T>(string name, string value, string allowed, T current)
    {
        Failures.Add($"{path}:{name} is '{value.ReplaceLineEndings(" ")}'; it must be {allowed}");
        return current;
    }
}
