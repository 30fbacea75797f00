using System.Text;

namespace FuncSse.Tests.Topics;

/// <summary>Reads a stream frame by frame, as its bytes stand on the wire.</summary>
internal sealed class TopicClient(HttpResponseMessage response, Stream body) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly StreamReader _reader = new(body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), detectEncodingFromByteOrderMarks: false);

    /// <summary>What comes until the stream ends.</summary>
    public Task<string> RestAsync() => _reader.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit);

    public async Task<string> FrameAsync()
    {
        var frame = new StringBuilder();
        string? line;
        do
        {
            line = await _reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);
            frame.Append(line).Append('\n');
        }
        while (!string.IsNullOrEmpty(line));
        return frame.ToString();
    }

    public void Dispose()
    {
        _reader.Dispose();
        response.Dispose();
    }
}
