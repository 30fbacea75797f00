using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page on a topic: it publishes, tells of losses, and shares its stream with other tabs.</summary>
public sealed partial class PageTopicTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task What_was_lost_is_marked_in_list_and_plot()
    {
        await using FeedServer feed = await FeedServer.StartAsync(
            "id: 7\ndata: 7\n\n", "event: reset\ndata: {\"reason\":\"expired\"}\n\nevent: position\ndata: {}\nid: 20\n\n", "data: 21\nid: 21\n\n");
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.WatchAsync(host, feed.Address);
        await Expect(page.Locator("#rows tr[data-flag]")).ToHaveCountAsync(1);
        await Expect(page.Locator("#rows tr:nth-child(2) td:nth-child(2)")).ToHaveTextAsync("reset");
        await Expect(page.Locator("#rows tr:nth-child(2) td:nth-child(4)")).ToHaveTextAsync("Events before this were lost (expired).");
        await Expect(page.Locator("#summary")).ToContainTextAsync("2 events");
        await Expect(page.Locator("#summary")).ToContainTextAsync("no gaps, no repeats, 1 reset.");
        await page.HasLineAsync("--bad");
    }

    [Fact]
    public async Task A_topic_is_watched_and_published_to_with_a_key_that_nothing_keeps()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync();
        var published = new ConcurrentQueue<string>();
        await page.RouteAsync(Topic(), route =>
        {
            IRequest request = route.Request;
            if (request.Method != "POST")
            {
                return route.FulfillAsync(new RouteFulfillOptions
                {
                    ContentType = "text/event-stream",
                    Body = "retry: 600000\n\nevent: position\ndata: {}\nid: e-1-a-5\n\ndata: hello\nid: e-1-b-6\n\n",
                });
            }

            bool allowed = request.Headers.GetValueOrDefault("x-functions-key") == "secret";
            published.Enqueue($"{allowed} {request.PostData}");
            return route.FulfillAsync(new RouteFulfillOptions { Status = allowed ? 200 : 401, ContentType = "text/plain", Body = allowed ? "e-7" : "" });
        });
        await page.GotoAsync($"{host.Address}?events=/topics/news");
        await Expect(page.Locator("#count")).ToHaveTextAsync("hello");
        await Expect(page.Locator("#last-id")).ToHaveTextAsync("e-1-b-6");
        await Expect(page.Locator("#key-field")).ToBeHiddenAsync();
        await Expect(page.Locator("#plot-title")).ToHaveTextAsync("Events a second");
        await Expect(page.Locator("nav [aria-current]")).ToHaveTextAsync("Topic");

        await page.GetByLabel("Message to this topic").FillAsync("<b>ä</b>");
        await page.GetByRole(AriaRole.Button, new() { Name = "Publish" }).ClickAsync();
        await Expect(page.Locator("#published")).ToHaveTextAsync("Publishing needs a key.");
        await Expect(page.GetByLabel("Key")).ToBeFocusedAsync();
        await page.GetByLabel("Key").FillAsync("secret");
        await page.GetByLabel("Key").PressAsync("Enter");
        await Expect(page.Locator("#published")).ToHaveTextAsync("Published as event e-7.");
        await Expect(page.GetByLabel("Message to this topic")).ToHaveValueAsync("");
        Assert.Equal(["False <b>ä</b>", "True <b>ä</b>"], published);

        await page.ReloadAsync();
        await Expect(page.Locator("#count")).ToHaveTextAsync("hello");
        Assert.Equal("", await page.Locator("#key").InputValueAsync());
        Assert.DoesNotContain("secret", await page.EvaluateAsync<string>("JSON.stringify([localStorage, sessionStorage, document.cookie])"), StringComparison.Ordinal);
    }

    // A browser opens six streams to one origin over HTTP/1.1, so without a shared one the seventh tab could not even publish.
    [Fact]
    public async Task Seven_tabs_of_a_topic_share_a_stream()
    {
        await using SelfHost host = await SelfHost.StartAsync(("Topics__PublishKey", "key"));
        await using IBrowserContext context = await (await browser.OpenTabAsync()).Context.Browser!.NewContextAsync();
        IPage[] tabs = await Task.WhenAll(Enumerable.Range(0, 7).Select(_ => context.NewPageAsync()));
        int streams = 0;
        foreach (IPage tab in tabs)
        {
            tab.Request += (_, request) => streams += request.ResourceType == "eventsource" ? 1 : 0;
            await tab.GotoAsync($"{host.Address}?events=/topics/news");
            await Expect(tab.Locator("#state")).ToHaveTextAsync("Open");
        }

        using var publisher = new HttpClient { BaseAddress = host.Address };
        using HttpResponseMessage answer = await publisher.PostAsync("topics/news?code=key", new StringContent("for all"), TestContext.Current.CancellationToken);
        answer.EnsureSuccessStatusCode();
        await Task.WhenAll(tabs.Select(tab => Expect(tab.Locator("#count")).ToHaveTextAsync("for all")));
        Assert.Equal(1, streams);
        await tabs[0].CloseAsync(); // another one takes the stream over
        using HttpResponseMessage next = await publisher.PostAsync("topics/news?code=key", new StringContent("again"), TestContext.Current.CancellationToken);
        next.EnsureSuccessStatusCode();
        await Task.WhenAll(tabs.Skip(1).Select(tab => Expect(tab.Locator("#count")).ToHaveTextAsync("again")));
        await Task.WhenAll(tabs.Skip(1).Select(tab => Expect(tab.Locator("#received")).ToHaveTextAsync("2")));
    }

    [Fact]
    public async Task Nothing_is_published_to_another_origin()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{host.Address}?events=http://127.0.0.1:1/topics/news");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped");
        await Expect(page.Locator("#publish")).ToBeHiddenAsync();
    }

    [GeneratedRegex("^http://[^/]+/topics/news")]
    private static partial Regex Topic();
}
