using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace FuncSse.Streaming;

/// <summary>The host's limit to a function's run, which no stream may meet: the host then ends the whole worker, and all its streams.</summary>
internal static class FunctionTimeout
{
    private const string Name = "functionTimeout";

    /// <summary>Reads the limit as the host does: the app setting before host.json, and the plan's default where neither names one.</summary>
    /// <param name="configuration">The app's configuration.</param>
    /// <param name="hostJson">The path of host.json; where there is no such file, no Functions host is there to limit anything.</param>
    /// <returns>The limit; <see langword="null"/> for none.</returns>
    /// <exception cref="FormatException">The limit or host.json cannot be read; the message says so in one line.</exception>
    public static TimeSpan? Read(IConfiguration configuration, string hostJson)
    {
        if (!File.Exists(hostJson))
        {
            return null;
        }

        string? limit = configuration[$"AzureFunctionsJobHost:{Name}"] ?? FromFile(hostJson);
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
            : throw new FormatException($"{Name} is '{limit.ReplaceLineEndings(" ")}'; allowed is a time as hours:minutes:seconds, or -1 for none");
    }

    private static string? FromFile(string hostJson)
    {
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
