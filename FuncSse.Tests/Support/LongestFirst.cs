using FuncSse.Tests;
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
        typeof(PageTests), typeof(StorageProcessTests), typeof(FirefoxModuleTests), typeof(PageFeedTests), typeof(ModuleTests), typeof(PageAccessTests),
        typeof(PageTopicTests), typeof(RedisFaultTests), typeof(ProcessTests), typeof(StorageEventLogTests), typeof(EndToEndTests), typeof(StorageFaultTests),
        typeof(NegotiateTests), typeof(JobProgressTests), typeof(FaultTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => (uint)Array.FindIndex(s_longest, type => collection.TestCollectionDisplayName.Contains($"{type.FullName} ", StringComparison.Ordinal)))];
}
