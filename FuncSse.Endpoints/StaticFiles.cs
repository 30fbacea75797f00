namespace FuncSse.Endpoints;

/// <summary>The files that both hosts serve.</summary>
public sealed class StaticFiles
{
    /// <summary>The page, at <c>/</c>.</summary>
    public PageResult Page { get; } = new("static/index.html");

    /// <summary>The page of the answers, at <c>/answers</c>.</summary>
    public PageResult Answers { get; } = new("static/answers.html");

    /// <summary>The browser module, at <c>/funcsse.js</c>.</summary>
    public PageResult Module { get; } = new("static/funcsse.js");
}
