using FuncSse.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FuncSse;

/// <summary>
/// Answers that survive a reload, at <c>/answers/{name}</c>, and the page that shows them. Following needs a ticket if <c>Topics:SigningKey</c> is set;
/// starting and stopping needs the function key, which the host checks.
/// </summary>
public sealed class AnswersFunction(StaticFiles files)
{
    [Function("Answers")]
    public IResult Follow(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "options", Route = "answers/{*name}")] HttpRequest request,
        string? name,
        FunctionContext context) =>
        string.IsNullOrEmpty(name) && !HttpMethods.IsOptions(request.Method) ? files.Answers : new AnswerResult(name, hostCancelled: context.CancellationToken);

    [Function("ChangeAnswer")]
    public static IResult Change(
        [HttpTrigger(AuthorizationLevel.Function, "post", "delete", Route = "answers/{*name}")] HttpRequest request,
        string? name,
        FunctionContext context) =>
        new AnswerResult(name, isAuthorized: true, context.CancellationToken);
}
