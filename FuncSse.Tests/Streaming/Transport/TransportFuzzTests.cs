using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace FuncSse.Tests;

/// <summary>
/// Runs random programs on the direct transport and on Kestrel's own, and compares the bytes that the clients got.
/// <c>TRANSPORT_FUZZ_SECONDS</c> sets how long the test runs, and <c>TRANSPORT_FUZZ_SEED</c> the first seed.
/// </summary>
public sealed class TransportFuzzTests
{
    private const int MinPrograms = 24;

    [Fact]
    public async Task Direct_transport_carries_the_same_bytes_as_the_transport_of_Kestrel()
    {
        int first = Setting("TRANSPORT_FUZZ_SEED") ?? Random.Shared.Next(1_000_000_000);
        var duration = TimeSpan.FromSeconds(Setting("TRANSPORT_FUZZ_SECONDS") ?? 0);
        using X509Certificate2 certificate = DirectTransportTests.SelfSigned();
        await using FuzzServer direct = await FuzzServer.StartAsync(certificate, isDirect: true);
        await using FuzzServer kestrel = await FuzzServer.StartAsync(certificate, isDirect: false);
        long start = Stopwatch.GetTimestamp();
        int next = -1;
        var failures = new List<string>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(RunAsync)));
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        direct.AssertQuiet();

        async Task RunAsync()
        {
            while (Interlocked.Increment(ref next) is var count && (count < MinPrograms || Stopwatch.GetElapsedTime(start) < duration))
            {
                var program = FuzzProgram.Create(first + count);
                try
                {
                    FuzzResponse[] expected = await GetAsync(kestrel, program, certificate);
                    FuzzResponse[] actual = await GetAsync(direct, program, certificate);
                    foreach ((FuzzResponse theirs, FuzzResponse ours) in expected.Zip(actual).Where(pair => pair.First.Head.Length > 0 && pair.Second.Head.Length > 0))
                    {
                        Assert.Equal(theirs.Head, ours.Head);
                    }
                }
                catch (Exception exception)
                {
                    lock (failures)
                    {
                        failures.Add($"seed {program.Seed} (HTTP/{(program.IsHttp2 ? 2 : 1)}{(program.IsEncrypted ? ", TLS" : "")}): {exception.Message}");
                    }
                }
            }
        }
    }

    private static int? Setting(string name) =>
        Environment.GetEnvironmentVariable(name) is { } value ? int.Parse(value, CultureInfo.InvariantCulture) : null;

    private static async Task<FuzzResponse[]> GetAsync(FuzzServer server, FuzzProgram program, X509Certificate2 certificate)
    {
        string name = server.IsDirect ? "direct" : "Kestrel";
        FuzzResponse[] responses = await FuzzClient.RunAsync(program, server.Address(program), certificate);
        FuzzOutcome outcome = await server.OutcomeAsync(program);
        bool mayBeCut = outcome.MayBeCut || program.ResetAfter is not null || program.MayBreakTls;
        Assert.True(mayBeCut || responses.Length == program.Requests.Length, $"{name}: {responses.Length} of {program.Requests.Length} responses came.");
        Assert.True(program.Requests.Any(request => request.HasCancelPendingFlush) || !outcome.IsFlushCancelled, $"{name}: a flush said that it was cancelled.");
        for (int i = 0; i < responses.Length; i++)
        {
            byte[] expected = program.Requests[i].Body;
            Assert.True(mayBeCut || responses[i].IsWhole, $"{name}: response {i} was cut after {responses[i].Body.Length} of {expected.Length} bytes.");
            Assert.True(expected.AsSpan().StartsWith(responses[i].Body), $"{name}: response {i} has wrong bytes from {expected.AsSpan().CommonPrefixLength(responses[i].Body)} on.");
            Assert.True(!responses[i].IsWhole || responses[i].Body.Length == expected.Length, $"{name}: response {i} ended cleanly after {responses[i].Body.Length} of {expected.Length} bytes.");
        }

        return responses;
    }
}
