using Azure;
using Azure.Identity;

namespace FuncSse.Topics.AzureStorage;

/// <summary>Turns the exceptions of the client into the one that <see cref="IEventLog"/> throws.</summary>
internal static class StorageErrors
{
    public static async Task<T> TranslateAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call();
        }
        catch (Exception exception) when (IsOutage(exception, cancellationToken))
        {
            throw new EventLogUnavailableException("The storage does not accept or return events at present.", exception);
        }
    }

    /// <summary>Whether the storage cannot be reached, or refuses a request.</summary>
    // The client's own time limit ends in a cancellation that nobody here asked for; repeated tries end in an aggregate.
    public static bool IsOutage(Exception exception, CancellationToken cancellationToken) => exception switch
    {
        RequestFailedException or AuthenticationFailedException or IOException or HttpRequestException => true,
        AggregateException several => several.InnerExceptions.All(inner => IsOutage(inner, cancellationToken)),
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        _ => false,
    };
}
