using System.Collections.Concurrent;
using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

// Streams that open while others publish, in many random orders.
public abstract partial class EventLogSpecification
{
    private const int SchedulesAtOnce = 8;

    private protected virtual int Schedules => 200;

    [Fact]
    public async Task Stream_opens_with_values_as_new_as_what_was_acknowledged_and_misses_nothing_after_them()
    {
        IEventLog log = CreateLog(new TopicOptions { PollInterval = TimeSpan.FromMilliseconds(10) });
        await using var first = new TopicNode(log);
        IEventLog other = OtherInstance(log);
        await using var second = new TopicNode(other);
        TopicNode[] publishers = log == other ? [first] : [first, second];
        var options = new ParallelOptions { MaxDegreeOfParallelism = SchedulesAtOnce, CancellationToken = Stopped };
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Schedules), options, async (seed, _) => await new Schedule(seed, publishers, [first, second]).RunAsync());
    }

    private sealed class Schedule(int seed, TopicNode[] publishers, TopicNode[] nodes)
    {
        private const int Topics = 3;
        private const string Last = "last";

        private readonly ConcurrentBag<Published> _published = [];

        public async Task RunAsync()
        {
            var random = new Random(seed);
            TaskCompletionSource[] opened = [.. Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
            Task[] publishing =
                [.. Enumerable.Range(0, random.Next(1, 4)).Select(index => PublishAsync(publishers[random.Next(publishers.Length)], index, random.Next()))];
            Task[] subscribers = [.. opened.Select(one => SubscribeAsync(nodes[random.Next(nodes.Length)], random.Next(), one))];
            await Task.WhenAll(publishing).WaitAsync(TopicNode.Limit, Stopped);
            await Task.WhenAny(Task.WhenAll(opened.Select(one => one.Task)), Task.WhenAll(subscribers)).WaitAsync(TopicNode.Limit, Stopped);
            for (int topic = 0; topic < Topics; topic++)
            {
                await PublishAsync(publishers[0], topic, Last, isRetained: false);
            }

            await Task.WhenAll(subscribers).WaitAsync(TopicNode.Limit, Stopped);
        }

        private async Task PublishAsync(TopicNode node, int index, int own)
        {
            var random = new Random(own);
            for (int number = random.Next(3, 9); number > 0; number--)
            {
                await PauseAsync(random);
                bool isRetained = random.Next(3) > 0;
                await PublishAsync(node, random.Next(Topics), isRetained && random.Next(4) == 0 ? "" : $"{index}.{number}", isRetained);
            }
        }

        private async Task PublishAsync(TopicNode node, int topic, string data, bool isRetained)
        {
            string id = await node.PublishAsync(Name(topic), data.Length == 0 ? "" : $"{topic} {data}", retain: isRetained);
            _published.Add(new Published(topic, data, isRetained, Parse(id)));
        }

        private async Task SubscribeAsync(TopicNode node, int own, TaskCompletionSource opened)
        {
            var random = new Random(own);
            for (int pauses = random.Next(8); pauses > 0; pauses--)
            {
                await PauseAsync(random);
            }

            int only = random.Next(2 * Topics); // One of the topics, or all.
            Published[] acknowledged = [.. _published];
            using SubscriptionReader reader = node.Subscribe(only < Topics ? Name(only) : Name("*"));
            var values = new Dictionary<int, string>();
            string frame;
            while ((frame = await reader.NextAsync()).StartsWith("data: ", StringComparison.Ordinal))
            {
                string[] value = frame["data: ".Length..^2].Split(' ');
                values.Add(int.Parse(value[0], System.Globalization.CultureInfo.InvariantCulture), value[1]);
            }

            LogPosition opening = Parse(SubscriptionReader.Id(frame));
            opened.SetResult();
            var received = new List<string>();
            for (int open = only < Topics ? 1 : Topics; open > 0;)
            {
                frame = await reader.NextAsync();
                received.Add(SubscriptionReader.Id(frame));
                open -= frame.Contains($" {Last}\n", StringComparison.Ordinal) ? 1 : 0;
            }

            // The last publishers note their events while this stream gets them already.
            await Eventually.TrueAsync(() => received.All(id => _published.Any(one => $"{one.End}" == id)));
            var expected = new List<Published>();
            for (int topic = 0; topic < Topics; topic++)
            {
                if (only >= Topics || topic == only)
                {
                    expected.AddRange(Check(topic, values.GetValueOrDefault(topic), opening, acknowledged));
                }
            }

            Assert.Equal(expected.OrderBy(one => (one.End.Segment, one.End.Offset)).Select(one => $"{one.End}"), received);
        }

        // Checks the value that the stream opened with, and returns the events that must follow.
        private IEnumerable<Published> Check(int topic, string? value, LogPosition opening, Published[] acknowledged)
        {
            Published[] all = [.. _published.Where(one => one.Topic == topic)];
            Published[] known = [.. all.Where(one => one.IsRetained && (acknowledged.Contains(one) || !one.End.IsAfter(opening)))];
            Published? newest = known.Length == 0 ? null : known.Aggregate((one, other) => one.End.IsAfter(other.End) ? one : other);
            string about = $"Schedule {seed}: topic {topic} has the value '{value}', and '{newest}' is known.";
            if (value is null)
            {
                Assert.True(newest is null || all.Any(one => one.IsRetained && one.Data == "" && !newest.End.IsAfter(one.End)), about);
                return all.Where(one => one.End.IsAfter(opening));
            }

            Published found = all.Single(one => one.Data == value);
            Assert.True(found.IsRetained && newest?.End.IsAfter(found.End) != true, about);
            LogPosition begin = found.End.IsAfter(opening) ? found.End : opening;
            return all.Where(one => one.End.IsAfter(begin));
        }

        private string Name(object topic) => $"s{seed}/{topic}";

        private static Task PauseAsync(Random random) => random.Next(3) == 0 ? Task.Delay(random.Next(1, 10), Stopped) : Task.CompletedTask;

        private sealed record Published(int Topic, string Data, bool IsRetained, LogPosition End);
    }
}
