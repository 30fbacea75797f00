using System.Diagnostics.CodeAnalysis;
using FuncSse.Topics;
using FuncSse.Topics.AzureStorage;

namespace FuncSse.Tests.Topics;

/// <summary>Several instances on one storage, all of which publish, roll and serve.</summary>
public sealed class StorageClusterTests(Azurite storage) : IClassFixture<Azurite>
{
    private const int Publishers = 3;
    private const int EventsEach = 60;
    private const string Last = "last";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Subscribers_that_move_between_instances_see_one_order_and_each_event_once()
    {
        // Small segments and a small ring, so that much is rolled and read from the log; one answer of ten is lost.
        var limits = new BlobLogLimits(20, 1 << 20, TimeSpan.FromHours(1), TimeSpan.FromHours(1));
        var container = new StorageLog(storage, new TopicOptions { RingSize = 64 * 1024, PollInterval = TimeSpan.FromMilliseconds(20) }, limits);
        var nodes = new List<TopicNode>();
        for (int index = 0; index < Publishers; index++)
        {
            var log = new FaultyLog(container.Create());
            log.OnAppend = async (append, _) =>
            {
                IReadOnlyList<LogPosition> ends = await append();
                return log.Appends % 10 == 0 ? throw new EventLogUnavailableException() : ends;
            };
            nodes.Add(new TopicNode(log, container.Options));
        }

        string earliest = await nodes[0].EarliestAsync();
        Task<List<(string Id, string Data)>>[] subscribers =
            [.. Enumerable.Range(0, 12).Select(seed => Task.Run(() => FollowAsync(nodes, earliest, seed), Cancelled))];
        await Task.WhenAll(nodes.Select((node, index) => Task.Run(() => PublishAsync(node, index), Cancelled))).WaitAsync(TopicNode.Limit, Cancelled);
        await nodes[0].PublishAsync("t/0", Last);

        IReadOnlyList<(string Id, string Data)> all = await nodes[1].ReadAsync(earliest);
        Assert.Equal((Publishers * EventsEach) + 1, all.Count);
        foreach (Task<List<(string Id, string Data)>> subscriber in subscribers)
        {
            Assert.Equal(all, await subscriber.WaitAsync(TopicNode.Limit, Cancelled));
        }

        foreach (TopicNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    private static async Task PublishAsync(TopicNode node, int index)
    {
        for (int number = 0; number < EventsEach; number += 3)
        {
            await Task.WhenAll(Enumerable.Range(number, 3).Select(one => node.PublishAsync($"t/{index}", $"{index} {one}")));
        }
    }

    [SuppressMessage("Security", "CA5394", Justification = "Random cuts, the same in each run.")]
    private static async Task<List<(string Id, string Data)>> FollowAsync(List<TopicNode> nodes, string earliest, int seed)
    {
        var random = new Random(seed);
        var seen = new List<(string Id, string Data)>();
        string lastEventId = earliest;
        while (true)
        {
            using SubscriptionReader reader = nodes[random.Next(nodes.Count)].Subscribe("t/* t/0", lastEventId);
            for (int frames = random.Next(1, 60); frames > 0; frames--)
            {
                string frame = await reader.NextAsync();
                Assert.DoesNotContain("event: reset", frame, StringComparison.Ordinal);
                lastEventId = SubscriptionReader.Id(frame);
                if (!frame.StartsWith("event: position", StringComparison.Ordinal))
                {
                    seen.Add((lastEventId, TopicNode.Data(System.Text.Encoding.UTF8.GetBytes(frame))));
                    if (seen[^1].Data == Last)
                    {
                        return seen;
                    }
                }
            }

            // A keep-alive says the same as what was sent, or more.
            lastEventId = random.Next(2) == 0 ? reader.Id() : lastEventId;
        }
    }
}
