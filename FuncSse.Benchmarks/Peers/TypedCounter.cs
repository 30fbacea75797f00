using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Mvc;

namespace FuncSse.Benchmarks;

/// <summary>The same counter with what ASP.NET Core has, as its documentation shows it.</summary>
internal static class TypedCounter
{
    public static void Map(WebApplication app) => app.MapGet(
        "/events",
        ([FromHeader(Name = "Last-Event-ID")] int last, CancellationToken cancelled) => TypedResults.ServerSentEvents(CountAsync(last, cancelled)));

    private static async IAsyncEnumerable<SseItem<string>> CountAsync(int last, [EnumeratorCancellation] CancellationToken cancelled)
    {
        for (int count = last + 1; ; count++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), cancelled);

            // A string, because anything else goes through the JSON serialiser first.
            string text = count.ToString(CultureInfo.InvariantCulture);
            yield return new SseItem<string>(text) { EventId = text };
        }
    }
}
