using System.Globalization;
using System.Text.Json;
using FuncSse.Endpoints;
using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FuncSse;

/// <summary>
/// Lets streams last as long as the host lets a function run, since each new one is an execution and a row in the log. Checks that no stream and no
/// answer reaches that limit: the host would then end the whole worker, and all its streams.
/// </summary>
/// <param name="configuration">The app's configuration.</param>
/// <param name="hostJson">The path of host.json.</param>
internal sealed class FunctionTimeout(IConfiguration configuration, string hostJson)
    : IConfigureOptions<SseOptions>, IValidateOptions<SseOptions>, IValidateOptions<AnswerOptions>
{
    private const string Name = "functionTimeout";

    // The end of a lifetime must come first. A feed that still cleans up when the limit passes is hurried: it has 1 s, and the host waits 2 s.
    private static readonly TimeSpan s_endMargin = TimeSpan.FromSeconds(1);

    // What was stopped must be recorded too.
    private static readonly TimeSpan s_answerMargin = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_defaultMargin = TimeSpan.FromMinutes(1);

    // A front end may hide that a client left. The stream is then billed until it ends by itself, so it has an end where the host sets none.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(29);

    /// <summary>
    /// Sets the default, which the app's settings replace: a minute less than the limit, half of a limit under two minutes, 29 minutes at most.
    /// </summary>
    public void Configure(SseOptions options)
    {
        try
        {
            TimeSpan limit = Read() ?? TimeSpan.MaxValue;
            TimeSpan lifetime = limit - (limit / 2 < s_defaultMargin ? limit / 2 : s_defaultMargin);
            options.MaxDuration = lifetime < s_longest ? lifetime : s_longest;
        }
        catch (FormatException)
        {
            // The check reports it.
        }
    }

    public ValidateOptionsResult Validate(string? name, SseOptions options) =>
        Validate($"{SseOptions.Section}:{nameof(SseOptions.MaxDuration)}", options.MaxDuration, s_endMargin);

    public ValidateOptionsResult Validate(string? name, AnswerOptions options) =>
        Validate($"{AnswerOptions.Section}:{nameof(AnswerOptions.MaxDuration)}", options.MaxDuration, s_answerMargin);

    private ValidateOptionsResult Validate(string setting, TimeSpan duration, TimeSpan margin)
    {
        try
        {
            return Read() is { } limit && duration + margin > limit
                ? ValidateOptionsResult.Fail(
                    $"{setting} is '{duration:c}'; it must be at least {margin:c} less than {Name}, which is {limit:c} and ends the whole worker")
                : ValidateOptionsResult.Success;
        }
        catch (FormatException exception)
        {
            return ValidateOptionsResult.Fail(exception.Message);
        }
    }

    // As the host reads it: the app setting before host.json, and the plan's default where neither names one. Null is no limit.
    private TimeSpan? Read()
    {
        string? limit = configuration[$"AzureFunctionsJobHost:{Name}"] ?? FromFile();
        if (limit is null)
        {
            bool isConsumption = configuration["WEBSITE_SKU"] == "Dynamic";
            return TimeSpan.FromMinutes(isConsumption ? 5 : 30);
        }

        if (limit == "-1")
        {
            return null;
        }

        return TimeSpan.TryParse(limit, CultureInfo.InvariantCulture, out TimeSpan time)
            ? time
            : throw new FormatException($"{Name} is '{limit.ReplaceLineEndings(" ")}'; it must be a time as hours:minutes:seconds, or -1 for none");
    }

    private string? FromFile()
    {
        if (!File.Exists(hostJson))
        {
            return null;
        }

        try
        {
            using FileStream file = File.OpenRead(hostJson); // As a stream, since it may begin with a byte order mark.
            using JsonDocument json = JsonDocument.Parse(
                file, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return json.RootElement.TryGetProperty(Name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.ToString() : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{hostJson} cannot be read: {exception.Message.ReplaceLineEndings(" ")}");
        }
    }
}
