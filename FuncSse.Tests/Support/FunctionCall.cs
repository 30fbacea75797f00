using Microsoft.Azure.Functions.Worker;

namespace FuncSse.Tests;

/// <summary>A call as the worker gives it to a function. The functions use its token only.</summary>
internal sealed class FunctionCall : FunctionContext, IDisposable
{
    private readonly CancellationTokenSource _cancelled = new();

    public override CancellationToken CancellationToken => _cancelled.Token;

    public override string InvocationId => throw new NotSupportedException();

    public override string FunctionId => throw new NotSupportedException();

    public override TraceContext TraceContext => throw new NotSupportedException();

    public override BindingContext BindingContext => throw new NotSupportedException();

    public override RetryContext RetryContext => throw new NotSupportedException();

    public override IServiceProvider InstanceServices { get; set; } = null!;

    public override FunctionDefinition FunctionDefinition => throw new NotSupportedException();

    public override IDictionary<object, object> Items { get; set; } = null!;

    public override IInvocationFeatures Features => throw new NotSupportedException();

    public void Cancel() => _cancelled.Cancel();

    public void Dispose() => _cancelled.Dispose();
}
