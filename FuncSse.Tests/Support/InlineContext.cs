namespace FuncSse.Tests;

/// <summary>Runs what is posted to it at once, where the thread pool would do so sometime: a test sees all that follows from a call.</summary>
internal sealed class InlineContext : SynchronizationContext
{
    public static T Run<T>(Func<T> action)
    {
        T? result = default;
        new InlineContext().Post(_ => result = action(), null);
        return result!;
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        SynchronizationContext? before = Current;
        SetSynchronizationContext(this);
        try
        {
            d(state);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}
