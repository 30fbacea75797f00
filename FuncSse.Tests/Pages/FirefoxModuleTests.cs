namespace FuncSse.Tests;

/// <summary>The scenarios of <see cref="ModuleTests"/> in Firefox.</summary>
public sealed class FirefoxModuleTests(Firefox firefox) : IClassFixture<Firefox>
{
    [Theory]
    [MemberData(nameof(ModuleTests.Scenarios), MemberType = typeof(ModuleTests))]
    public async Task In_Firefox(string scenario)
    {
        await using ScenarioServer server = await ScenarioServer.StartAsync();
        await firefox.OpenAsync(server.PageOf(scenario));
        string report = await server.Report;
        Assert.True(report == "passed", report);
    }
}
