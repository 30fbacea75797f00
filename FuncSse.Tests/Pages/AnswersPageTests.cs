using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests;

/// <summary>The page of the answers.</summary>
public sealed class AnswersPageTests(Browser browser) : IClassFixture<Browser>
{
    private const string End = "Only Stop ends it, from any tab.";

    [Fact]
    public async Task Answer_goes_on_after_a_reload_and_is_the_same_in_a_second_tab()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await AskAsync(host, "Why?");
        await Expect(page.Locator("#answer")).ToContainTextAsync("This answer");
        await Expect(page.GetByText("Key to publish")).ToBeHiddenAsync();
        await page.ReloadAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("The model answers.");
        IPage second = await page.Context.Browser!.NewPageAsync();
        await second.GotoAsync(page.Url);
        foreach (IPage one in (IPage[])[page, second])
        {
            await Expect(one.Locator("#state")).ToHaveTextAsync("Done.");
            string text = (await one.Locator("#answer").TextContentAsync())!;
            Assert.StartsWith("You said: Why?\n\nThis answer was made word by word, ", text, StringComparison.Ordinal);
            Assert.EndsWith($"{End} ", text, StringComparison.Ordinal);
            Assert.Equal(text.Length, text.Replace(End, "", StringComparison.Ordinal).Length + End.Length); // Nothing came twice.
            await Expect(one.Locator("#stop")).ToBeDisabledAsync();
        }

        await second.CloseAsync();
    }

    [Fact]
    public async Task Stop_in_one_tab_stops_the_answer_in_the_other()
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await AskAsync(host, string.Join(' ', Enumerable.Repeat("Why?", 400))); // An answer of 20 s.
        await Expect(page.Locator("#answer")).ToContainTextAsync("You said"); // Until the answer is there, the address does not have its name.
        IPage second = await page.Context.Browser!.NewPageAsync();
        await second.GotoAsync(page.Url);
        await Expect(second.Locator("#answer")).ToContainTextAsync("You said");
        await second.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("Stopped.");
        await Expect(second.Locator("#state")).ToHaveTextAsync("Stopped.");
        await Expect(page.Locator("#answer")).Not.ToContainTextAsync(End);
        await second.CloseAsync();
    }

    [Fact]
    public async Task Key_is_asked_for_where_it_is_needed_and_nothing_keeps_it()
    {
        await using SelfHost host = await SelfHost.StartAsync(("Topics__PublishKey", "secret"), ("Answers__TokensPerSecond", "1000"));
        IPage page = await AskAsync(host, "Why?");
        await Expect(page.GetByLabel("Key to publish")).ToBeFocusedAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("This needs a key.");
        await page.GetByLabel("Key to publish").FillAsync("wrong");
        await page.GetByLabel("Key to publish").PressAsync("Enter");
        await Expect(page.Locator("#state")).ToHaveTextAsync("This key is wrong.");
        await page.GetByLabel("Key to publish").FillAsync("secret");
        await page.GetByLabel("Key to publish").PressAsync("Enter");
        await Expect(page.Locator("#state")).ToHaveTextAsync("Done.");
        Assert.DoesNotContain("secret", page.Url + await page.EvaluateAsync<string>("JSON.stringify([localStorage, sessionStorage, document.cookie])"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unknown", "There is no such answer any more.")]
    [InlineData("%24x", "The server refuses: 400.")]
    public async Task Name_that_leads_nowhere_says_so(string name, string state)
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{host.Address}answers#{name}");
        await Expect(page.Locator("#state")).ToHaveTextAsync(state);
        await Expect(page.Locator("#stop")).ToBeDisabledAsync();
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1280)]
    [InlineData(ColorScheme.Dark, 375)]
    public async Task Axe_finds_no_violation_and_nothing_sticks_out(ColorScheme scheme, int width)
    {
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync(scheme, width);
        await page.GotoAsync($"{host.Address}answers");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask" }).ClickAsync();
        await Expect(page.Locator("#answer")).ToContainTextAsync("This answer");
        Assert.Equal(width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        Assert.Empty((await page.RunAxe()).Violations);
    }

    [Fact]
    public async Task Page_of_the_document_asks_goes_on_after_a_reload_and_stops()
    {
        string document = await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, "docs", "answers.md"), TestContext.Current.CancellationToken);
        SelfHost host = await browser.GetHostAsync();
        IPage page = await browser.OpenTabAsync();
        await page.RouteAsync($"{host.Address}ask", route => route.FulfillAsync(new() { ContentType = "text/html", Body = document.Split("```html\n")[1].Split("```")[0] }));
        await page.GotoAsync($"{host.Address}ask");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask" }).ClickAsync();
        await Expect(page.Locator("#answer")).ToContainTextAsync("This answer");
        await page.ReloadAsync();
        await Expect(page.Locator("#answer")).ToContainTextAsync("You said: Why is the sky blue?");
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
        await Expect(page.Locator("#state")).ToHaveTextAsync("broken: Stopped");
    }

    private async Task<IPage> AskAsync(SelfHost host, string prompt)
    {
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{host.Address}answers");
        await page.GetByLabel("Prompt").FillAsync(prompt);
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask" }).ClickAsync();
        return page;
    }
}
