using FuncSse.Tests;
using FuncSse.Tests.Clients;
using FuncSse.Tests.Samples;
using FuncSse.Tests.Topics;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace FuncSse.Tests;

/// <summary>Starts the classes that take longest first, so that a run does not end with one of them alone. Each class is a collection.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly Type[] s_longest =
    [
        typeof(FirefoxModuleTests), typeof(ModuleTests), typeof(PageTests), typeof(RecordedClientTests), typeof(RedisFailoverTests), typeof(RedisFaultTests),
        typeof(StorageProcessTests), typeof(StorageEventLogTests), typeof(RecordedStreamTests), typeof(ProcessTests), typeof(EndToEndTests),
        typeof(PageAccessTests), typeof(RecordingStoreTests), typeof(RedisEventLogTests), typeof(PageFeedTests), typeof(JobProgressTests),
        typeof(StorageValueTests), typeof(StorageFaultTests), typeof(FaultTests), typeof(RecordingStartTests), typeof(SseStreamEndTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => (uint)Array.FindIndex(s_longest, type => collection.TestCollectionDisplayName.Contains($"{type.FullName} ", StringComparison.Ordinal)))];
}
