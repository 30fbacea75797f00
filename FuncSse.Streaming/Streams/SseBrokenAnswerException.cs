namespace FuncSse.Streaming;

/// <summary>A feed ends without being complete, and its failure was logged where it happened.</summary>
internal sealed class SseBrokenAnswerException() : Exception("The answer is not complete.");
