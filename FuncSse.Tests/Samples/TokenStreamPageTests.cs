using System.Diagnostics;
using FuncSse.Tests.Topics;
using Microsoft.Playwright;
using static FuncSse.Tests.Samples.TokenStreamTests;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests.Samples;

/// <summary>The page of the sample that streams a model's answer.</summary>
public sealed class TokenStreamPageTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Page_shows_the_words_as_they_come()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        IPage page = await AskAsync(server);
        foreach (string text in (string[])["Because", "Because of", "Because of <b>light</b>"])
        {
            model.Say(text[(text.LastIndexOf(' ') + 1)..], " ");
            await Expect(page.Locator("#answer")).ToHaveTextAsync(text);
        }

        await Expect(page.Locator("#state")).ToHaveTextAsync("The model answers.");
        model.End();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Done.");
        await Expect(page.Locator("#ask")).ToBeEnabledAsync();
        Assert.Equal("Why is the sky blue?", model.Prompt);
    }

    [Fact]
    public async Task Stop_stops_the_model_within_a_second()
    {
        await Eventually.WithinASecondAsync(async () =>
        {
            using var model = new ScriptedModel();
            await using SampleServer server = await StartAsync(model);
            IPage page = await AskAsync(server);
            model.Say("Because");
            await Expect(page.Locator("#answer")).ToHaveTextAsync("Because");
            await page.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
            long began = Stopwatch.GetTimestamp();
            await model.Stopped.WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
            TimeSpan time = Stopwatch.GetElapsedTime(began);
            await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped.");
            await Expect(page.Locator("#answer")).ToHaveTextAsync("Because");
            return time;
        });
    }

    [Fact]
    public async Task Page_tells_an_answer_that_broke_off()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        IPage page = await AskAsync(server);
        model.Say("Because");
        model.End(new InvalidOperationException("The model is away."));
        await Expect(page.Locator("#state")).ToContainTextAsync("The answer broke off");
    }

    [Fact]
    public async Task Page_that_is_reloaded_in_the_middle_and_a_second_tab_show_the_whole()
    {
        using var model = new ScriptedModel();
        await using SampleServer server = await StartAsync(model);
        IPage page = await AskAsync(server);
        model.Say("Because");
        await Expect(page.Locator("#answer")).ToHaveTextAsync("Because");
        await page.ReloadAsync();
        await Expect(page.Locator("#answer")).ToHaveTextAsync("Because");
        IPage second = await page.Context.Browser!.NewPageAsync();
        await second.GotoAsync(page.Url);
        model.Say(" of", " light");
        await Expect(page.Locator("#answer")).ToHaveTextAsync("Because of light");
        await Expect(second.Locator("#answer")).ToHaveTextAsync("Because of light");
        model.End();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Done.");
        await Expect(second.Locator("#state")).ToHaveTextAsync("Done.");
        await page.ReloadAsync();
        await Expect(page.Locator("#answer")).ToHaveTextAsync("Because of light");
        await page.GotoAsync($"{server.Client.BaseAddress}#unknown");
        await Expect(page.Locator("#state")).ToContainTextAsync("no such answer");
        await Expect(page.Locator("#ask")).ToBeEnabledAsync();
        await second.CloseAsync();
    }

    private async Task<IPage> AskAsync(SampleServer server)
    {
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{server.Client.BaseAddress}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask" }).ClickAsync();
        return page;
    }
}
