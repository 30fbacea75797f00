using Microsoft.Playwright;

namespace FuncSse.Tests;

/// <summary>The browser module in real browsers. What each scenario does and demands stands in <c>browser/scenarios.js</c>.</summary>
public sealed class ModuleTests(Browser browser) : IClassFixture<Browser>
{
    public static TheoryData<string> Scenarios =>
    [
        "A_killed_server_comes_back", "A_swallowed_connection_is_noticed", "A_silence_limit_is_learned_from_keep_alives",
        "A_laptop_sleeps", "The_page_is_back_or_the_network_is", "A_server_is_overloaded_for_a_while", "Some_answers_are_final",
        "A_quiet_stream_is_open_for_whoever_asks", "A_worker_crashes_again", "A_request_hangs", "A_ticket_never_comes", "A_server_is_back_when_it_is_asked",
        "A_server_without_HEAD_is_asked_with_GET", "Topics_are_escaped",
        "A_missing_ticket_is_fetched", "A_ticket_expires", "A_reset_is_told", "Named_types_are_passed_on",
        "A_tab_that_closes_at_once_leaves_no_stream", "A_leader_that_is_frozen_is_followed_by_another", "A_leader_that_says_nothing_is_replaced",
        "A_tab_that_missed_events_gets_them_from_its_leader", "Seven_tabs_share_a_stream_and_survive_their_leader", "A_position_frame_sets_the_last_event_id",
        "A_hidden_tab_holds_no_stream_and_misses_nothing", "A_tab_that_is_hidden_for_less_keeps_its_stream",
        "A_hidden_tab_gets_what_was_published_meanwhile_or_a_reset", "A_page_that_is_frozen_holds_no_stream", "A_pause_is_a_time", "A_pause_that_is_refused_opens_no_stream",
        "A_paused_tab_misses_nothing_when_another_one_is_opened", "A_worker_is_never_hidden",
        "Tabs_that_share_a_stream_are_paused_when_all_of_them_are_hidden", "A_tab_with_a_stream_of_its_own_is_paused_too",
        "A_tab_that_resumes_from_further_back_misses_nothing", "A_refusal_of_the_shared_stream_is_over_with_its_tab",
        "Values_come_without_a_stream_that_goes_on_from_them", "Values_are_asked_for_again_unless_they_are_refused",
        "A_tab_that_comes_later_gets_the_values_before_what_it_is_told_meanwhile", "A_tab_that_cannot_get_the_values_is_told_so", "A_tab_that_lost_events_gets_the_values_again",
        "A_post_stream_is_parsed_as_the_standard_says", "A_post_stream_tells_end_error_and_abort_apart",
    ];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task In_Chromium(string scenario)
    {
        await using ScenarioServer server = await ScenarioServer.StartAsync();
        IPage page = await browser.OpenTabAsync();
        await page.GotoAsync(server.PageOf(scenario), new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        string report = await server.Report;
        Assert.True(report == "passed", report);
    }
}
