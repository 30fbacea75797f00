using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Streaming;

/// <summary>
/// Reads settings one by one, checks them and collects what is wrong. The framework's binder would read "5" as five days, ignore a
/// misspelt name, and report an invalid value in a page of stack trace.
/// </summary>
/// <param name="path">What the messages call the section.</param>
/// <param name="section">The section; <see langword="null"/> to check the values that are given as the present ones.</param>
internal sealed class SettingsReader(string path, IConfiguration? section)
{
    private readonly List<string> _known = [];

    /// <summary>One line for each value that is not allowed.</summary>
    public List<string> Failures { get; } = [];

    public TimeSpan Time(string name, TimeSpan present, TimeSpan min, TimeSpan max)
    {
        string? text = Value(name);
        // A number alone would be days, and is never meant that way.
        if (text is null
            ? present >= min && present <= max
            : text.Contains(':', StringComparison.Ordinal)
              && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) && (present = time) >= min && time <= max)
        {
            return present;
        }

        string allowed = string.Create(CultureInfo.InvariantCulture, $"a time from {min:g} to {max:g} as [days.]hours:minutes:seconds, such as 00:00:10");
        return Fail(name, text ?? present.ToString("c"), allowed, present);
    }

    public int? Limit(string name, int? present)
    {
        string? text = Value(name);
        if (text is null ? present is null or > 0 : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && (present = count) > 0)
        {
            return present;
        }

        return Fail(name, text ?? $"{present}", $"a whole number from 1 to {int.MaxValue}, or nothing for no limit", present);
    }

    public long Number(string name, long present, long min, long max)
    {
        string? text = Value(name);
        long number = present;
        if ((text is null || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)) && number >= min && number <= max)
        {
            return number;
        }

        return Fail(name, text ?? $"{present}", $"a whole number from {min} to {max}", present);
    }

    [return: NotNullIfNotNull(nameof(present))]
    public string? Text(string name, string? present, Func<string, bool> isAllowed, string allowed)
    {
        string? text = Value(name) ?? present;
        return text is null || isAllowed(text) ? text : Fail(name, text, allowed, present);
    }

    /// <summary>Reads a secret, or several as an array. What is wrong is said without the value.</summary>
    public IReadOnlyList<string> Secrets(string name, IReadOnlyList<string> present, Func<string, bool> isAllowed, string allowed)
    {
        _known.Add(name);
        IReadOnlyList<string> secrets = present;
        if (section?.GetSection(name) is { } setting && (setting.Exists() || setting.Value is not null))
        {
            secrets = [.. setting.Value is { } one ? [one] : Array.Empty<string>(), .. setting.GetChildren().Select(child => child.Value ?? "")];
        }

        if (!secrets.All(isAllowed))
        {
            Failures.Add($"{path}:{name} has a value that is not allowed; allowed is {allowed}");
        }

        return secrets;
    }

    /// <summary>Reads a list in one setting, or the array that JSON gives.</summary>
    public IReadOnlyList<string> List(
        string name, IReadOnlyList<string> present, Func<IReadOnlyList<string>, bool> isAllowed, string allowed, params char[] separators)
    {
        _known.Add(name);
        IReadOnlyList<string> list = present;
        if (section?.GetSection(name) is { } setting && (setting.Exists() || setting.Value is not null))
        {
            list =
            [
                .. (setting.Value ?? "").Split(separators, StringSplitOptions.RemoveEmptyEntries),
                .. setting.GetChildren().Select(child => child.Value ?? ""),
            ];
        }

        return isAllowed(list) ? list : Fail(name, section?[name] ?? string.Join(' ', list), allowed, present);
    }

    public void ThrowIfFailed(Type options)
    {
        if (Failures.Count > 0)
        {
            throw new OptionsValidationException(path, options, Failures);
        }
    }

    /// <summary>
    /// Reports the settings that nobody has read. They do not stop the app, so that a version that lacks a newer setting can be rolled
    /// back to.
    /// </summary>
    public void WarnOfUnknown(IEnumerable<string> otherSettings, ILogger logger)
    {
        string[] known = [.. _known, .. otherSettings];
        foreach (IConfigurationSection setting in section!.GetChildren())
        {
            if (!known.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
            {
                Log.UnknownSetting(logger, setting.Path, $"{path}:{known.MinBy(name => (double)Distance(name, setting.Key) / Math.Max(name.Length, setting.Key.Length))}");
            }
        }
    }

    // Levenshtein's: how many letters have to be changed, added or left out.
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

    private T Fail<T>(string name, string value, string allowed, T present)
    {
        Failures.Add($"{path}:{name} is '{value.ReplaceLineEndings(" ")}'; allowed is {allowed}");
        return present;
    }
}
