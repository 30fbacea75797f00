using System.Net;
using System.Text.RegularExpressions;
using FuncSse.Tests.Topics;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using QueueToPage;
using static Microsoft.Playwright.Assertions;

namespace FuncSse.Tests.Samples;

/// <summary>The sample that shows what a queue and a timer bring. What the Functions host does is done here: it calls the functions.</summary>
public sealed partial class QueueToPageTests(Browser browser, Azurite storage) : IClassFixture<Azurite>, IClassFixture<Browser>
{
    [Fact]
    public async Task Message_of_the_queue_reaches_a_stream_of_another_instance()
    {
        string name = $"q{Guid.NewGuid():N}";
        await using SampleServer publisher = await StartAsync(name);
        await using SampleServer subscriber = await StartAsync(name);
        using TopicClient stream = await subscriber.OpenAsync(HttpMethod.Get, "topics/orders");
        Assert.Equal("retry: 1000\n\n", await stream.FrameAsync());
        await stream.FrameAsync();
        await BringAsync(publisher, "A coffee for Ann");
        Assert.Matches("^event: paid\ndata: A coffee for Ann\nid: [^\n]+\n\n$", await stream.FrameAsync());
    }

    [Fact]
    public async Task Body_of_a_post_goes_into_the_queue()
    {
        var http = new DefaultHttpContext { Request = { Body = new MemoryStream("A coffee for Ann"u8.ToArray()) } };
        OrderFunctions.Payment payment = await OrderFunctions.Pay(http.Request, TestContext.Current.CancellationToken);
        Assert.Equal("A coffee for Ann", payment.Order);
        Assert.Equal((int)HttpStatusCode.Accepted, Assert.IsAssignableFrom<IStatusCodeHttpResult>(payment.Answer).StatusCode);
    }

    [Fact]
    public async Task Page_shows_orders_and_prices_as_they_come()
    {
        await using SampleServer server = await StartAsync($"q{Guid.NewGuid():N}");
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync($"{server.Client.BaseAddress}");
        await Expect(page.Locator("#state")).ToHaveTextAsync("open");
        await BringAsync(server, "A coffee for Ann");
        await BringAsync(server, "<b>Tea</b> for Bob");
        await Expect(page.Locator("#orders li")).ToHaveTextAsync(["<b>Tea</b> for Bob", "A coffee for Ann"]);
        await ActivatorUtilities.CreateInstance<PriceFunction>(server.Services).Run(new TimerInfo(), TestContext.Current.CancellationToken)
            .WaitAsync(TopicServer.Limit, TestContext.Current.CancellationToken);
        await Expect(page.Locator("#price")).ToHaveTextAsync(Amount());
    }

    private static Task<string> BringAsync(SampleServer server, string order) =>
        (Task<string>)ActivatorUtilities.CreateInstance<OrderFunctions>(server.Services).Publish(order, TestContext.Current.CancellationToken);

    private Task<SampleServer> StartAsync(string name) => SampleServer.StartAsync(
        typeof(OrderFunctions),
        (services, configuration) => services.AddTopics(configuration.GetSection("Topics")).AddAzureStorageEventLog(configuration),
        ("AzureWebJobsStorage", storage.ConnectionString),
        ("Topics:Log", "storage"),
        ("Topics:Name", name));

    [GeneratedRegex(@"^[23]\.\d\d$")]
    private static partial Regex Amount();
}
