using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using FuncSse.Streaming;

namespace FuncSse.Tests;

[Trait("Category", "Fast")]
public sealed class DirectSocketWriterTests : IDisposable
{
    private const int MaxBufferedBytes = 64 * 1024;

    // The limit of every wait: a fault fails its own test instead of hanging the run.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    // Configured like Kestrel's pipe: a flush waits until the reader, which sends, has consumed everything.
    private readonly Pipe _pipe = new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1, resumeWriterThreshold: 1));
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _server;
    private readonly DirectSocketWriter _writer;
    private readonly MemoryStream _written = new();

    public DirectSocketWriterTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client.ReceiveBufferSize = 4096; // A small buffer fills the socket soon.
        _client.ReceiveTimeout = 10_000;
        _client.Connect(listener.LocalEndPoint!);
        _server = listener.Accept();
        _server.SendBufferSize = 4096;
        _server.Blocking = false;
        _writer = new DirectSocketWriter(_server, _pipe.Writer, MaxBufferedBytes);
        _writer.StreamStarted();
    }

    [Fact]
    public async Task Flush_sends_at_once_without_the_pipe()
    {
        for (int length = 10; length <= 30; length += 10)
        {
            byte[] data = Write(length);
            Assert.Equal(length, _writer.UnflushedBytes);
            await FlushAtOnceAsync();
            Assert.Equal(0, _writer.UnflushedBytes);
            Assert.Equal(data, ReadSocket());
        }

        Assert.False(_pipe.Reader.TryRead(out _));
    }

    [Fact]
    public async Task Nothing_is_sent_before_the_flush()
    {
        await FlushAtOnceAsync();
        Write(3);
        Write(4);
        Assert.Equal(0, _client.Available);
        await FlushAtOnceAsync();
        Assert.Equal(_written.ToArray(), ReadSocket());
    }

    [Fact]
    public async Task Flush_waits_for_the_pipe_to_send_what_a_full_socket_did_not_take()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        byte[] piped = TakePipe();
        Assert.False((await flush).IsCompleted);
        _server.Shutdown(SocketShutdown.Send);
        byte[] arrived = [.. await ReadSlowlyAsync(new Random(1)), .. piped];
        Assert.Equal(_written.ToArray(), arrived);
    }

    [Fact]
    public async Task Writer_is_direct_again_once_the_pipe_is_empty()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        TakePipe();
        await flush;
        await DrainSocketAsync();
        byte[] data = Write(7);
        Assert.Equal(7, _writer.UnflushedBytes);
        await FlushAtOnceAsync();
        Assert.Equal(data, ReadSocket());
    }

    [Fact]
    public async Task Bytes_follow_those_in_the_pipe()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        _writer.CancelPendingFlush();
        Assert.True((await flush).IsCanceled);
        byte[] before = ReadPipe();
        await DrainSocketAsync();
        byte[] data = Write(7);
        Assert.Equal(7, _writer.UnflushedBytes);
        flush = FlushAsync();
        Assert.False(flush.IsCompleted);
        Assert.Equal([.. before, .. data], TakePipe());
        Assert.False((await flush).IsCanceled);
    }

    [Fact]
    public async Task Bytes_written_during_a_flush_follow_it()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        byte[] data = Write(5);
        TakePipe();
        await flush;
        await DrainSocketAsync();
        data = [.. data, .. Write(6)];
        Assert.Equal(data.Length, _writer.UnflushedBytes);
        flush = FlushAsync();
        Assert.Equal(data, TakePipe());
        await flush;
        data = Write(7);
        await FlushAtOnceAsync();
        Assert.Equal(data, ReadSocket());
    }

    [Fact]
    public async Task Cancelled_flush_leaves_the_bytes_to_the_pipe()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        _writer.CancelPendingFlush();
        await flush;
        byte[] before = ReadPipe();
        using var cancelled = new CancellationTokenSource();
        byte[] data = Write(5);
        flush = _writer.FlushAsync(cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush);
        await DrainSocketAsync();
        data = [.. before, .. data, .. Write(6)];
        flush = FlushAsync();
        Assert.Equal(data, TakePipe());
        await flush;
    }

    [Fact]
    public async Task More_bytes_than_a_block_go_to_the_pipe()
    {
        Write(DirectSocketWriter.BlockSize - 1);
        Write(2);
        Task<FlushResult> flush = FlushAsync();
        Assert.Equal(_written.ToArray(), TakePipe());
        await flush;
        Assert.Equal(0, _client.Available);
    }

    [Fact]
    public async Task Pipe_reports_a_closed_connection()
    {
        _server.Dispose();
        Write(3);
        Task<FlushResult> flush = FlushAsync();
        Assert.Equal(_written.ToArray(), TakePipe());
        await _pipe.Reader.CompleteAsync();
        Assert.False((await flush).IsCompleted);
        for (int i = 0; i < 2; i++)
        {
            Write(1);
            Assert.True((await FlushAsync()).IsCompleted);
        }
    }

    [Fact]
    public async Task Completion_completes_the_pipe()
    {
        Write(3);
        await _writer.CompleteAsync();
        Assert.True(_pipe.Reader.TryRead(out ReadResult read));
        Assert.True(read.IsCompleted);
        Assert.Equal(_written.ToArray(), read.Buffer.ToArray());
        _pipe.Reader.AdvanceTo(read.Buffer.End);
        await FlushAsync();
        Assert.Throws<InvalidOperationException>(() => _writer.GetMemory());
        await _writer.CompleteAsync();
    }

    [Fact]
    public async Task CancelPendingFlush_cancels_one_flush_and_ends_direct_sends()
    {
        _writer.CancelPendingFlush();
        Write(3);
        Assert.True((await FlushAsync()).IsCanceled);
        TakePipe();
        Task<FlushResult> flush = FlushAsync();
        Assert.False((await flush).IsCanceled);
        byte[] data = Write(4);
        flush = FlushAsync();
        Assert.Equal(data, TakePipe());
        await flush;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _writer.FlushAsync(new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Ordinary_responses_go_to_the_pipe_and_wait_only_at_the_limit()
    {
        _writer.StreamEnded();
        for (int length = 0; length < MaxBufferedBytes - 1000; length += 1000)
        {
            Write(1000);
            await FlushAtOnceAsync();
        }

        Assert.Equal(0, _client.Available);
        Write(2000);
        Task<FlushResult> flush = FlushAsync();
        Assert.False(flush.IsCompleted);
        Assert.Equal(_written.ToArray(), TakePipe());
        await flush;
        Write(1000);
        await FlushAtOnceAsync();
    }

    [Fact]
    public async Task Stream_follows_the_unsent_bytes_of_the_response_before_it()
    {
        _writer.StreamEnded();
        Write(1000);
        await FlushAtOnceAsync();
        _writer.StreamStarted();
        Write(10);
        Task<FlushResult> flush = FlushAsync();
        Assert.False(flush.IsCompleted);
        Assert.Equal(0, _client.Available);
        Assert.Equal(_written.ToArray(), TakePipe());
        await flush;
        byte[] data = Write(7);
        await FlushAtOnceAsync();
        Assert.Equal(data, ReadSocket());
        _writer.StreamEnded();
        data = Write(8);
        await FlushAtOnceAsync();
        Assert.Equal(data, TakePipe());
    }

    [Fact]
    public async Task Token_that_is_cancelled_after_its_flush_cancels_nothing()
    {
        _writer.StreamEnded();
        using var cancellation = new CancellationTokenSource();
        Write(1000);
        Assert.True(_writer.FlushAsync(cancellation.Token).AsTask().IsCompletedSuccessfully);
        await cancellation.CancelAsync();
        _writer.StreamStarted();
        Assert.Equal(-1, _writer.TrySend(Random(5)));
        Write(10);
        Task<FlushResult> flush = FlushAsync();
        Assert.False(flush.IsCompleted);
        Assert.Equal(0, _client.Available);
        Assert.Equal(_written.ToArray(), TakePipe());
        Assert.False((await flush).IsCanceled);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Flush_with_a_cancelled_token_keeps_the_bytes_for_the_next(bool isStream)
    {
        if (!isStream)
        {
            _writer.StreamEnded();
        }

        Write(1000);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _writer.FlushAsync(new CancellationToken(canceled: true)));
        Assert.Equal(1000, _writer.UnflushedBytes);
        _writer.StreamStarted();
        Assert.Equal(-1, _writer.TrySend(Random(5)));
        Write(10);
        Task<FlushResult> flush = FlushAsync();
        Assert.Equal(_written.ToArray(), isStream ? ReadSocket() : TakePipe());
        await flush;
    }

    [Fact]
    public async Task Bytes_follow_those_of_a_cancelled_flush_that_nobody_has_awaited_yet()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        TakePipe();
        await flush;
        using var cancellation = new CancellationTokenSource();
        _writer.StreamEnded();
        Write(1);
        await FlushAtOnceAsync();
        byte[] before = ReadPipe();
        _writer.StreamStarted();
        byte[] data = Write(5);
        ValueTask<FlushResult> cancelled = _writer.FlushAsync(cancellation.Token);
        await cancellation.CancelAsync();
        Assert.True(cancelled.IsCompleted);
        await DrainSocketAsync();
        Assert.Equal(-1, _writer.TrySend(Random(5)));
        data = [.. before, .. data, .. Write(6)];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelled);
        flush = FlushAsync();
        Assert.Equal(data, TakePipe());
        await flush;
    }

    [Fact]
    public async Task Memory_stays_the_same_until_the_flush()
    {
        _writer.StreamEnded();
        Write(1000);
        await FlushAtOnceAsync();
        _writer.StreamStarted();
        byte[] data = Random(10);
        data.CopyTo(_writer.GetMemory());
        TakePipe();
        Assert.Equal(data, _writer.GetMemory()[..10].ToArray());
        _writer.Advance(10);
        Task<FlushResult> flush = FlushAsync();
        Assert.Equal(data, TakePipe());
        await flush;

        data.CopyTo(_writer.GetMemory());
        _writer.StreamEnded();
        Assert.Equal(data, _writer.GetSpan()[..10].ToArray());
        Assert.Equal(-1, _writer.TrySend(data));
        _writer.Advance(10);
        await FlushAtOnceAsync();
        Assert.Equal(data, ReadSocket());
    }

    [Fact]
    public async Task Cancelled_write_writes_nothing()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _writer.WriteAsync(Random(5), new CancellationToken(canceled: true)));
        Assert.Equal(0, _writer.UnflushedBytes);
        await _writer.WriteAsync(Random(5), TestContext.Current.CancellationToken);
        Assert.Equal(5, ReadSocket().Length);
    }

    [Fact]
    public async Task TrySend_sends_only_when_all_earlier_bytes_were_sent()
    {
        byte[] first = Random(5);
        Assert.Equal(5, _writer.TrySend(first));
        Assert.Equal(first, ReadSocket());
        byte[] unflushed = Write(3);
        Assert.Equal(-1, _writer.TrySend(Random(5)));
        await FlushAtOnceAsync();
        Assert.Equal(unflushed, ReadSocket());
        _writer.StreamEnded();
        Assert.Equal(-1, _writer.TrySend(Random(5)));
        Write(4);
        await FlushAtOnceAsync();
        _writer.StreamStarted();
        Assert.Equal(-1, _writer.TrySend(Random(5)));
        TakePipe();
        Assert.Equal(5, _writer.TrySend(first));
        Assert.Equal(first, ReadSocket());
    }

    [Fact]
    public async Task TrySend_leaves_what_a_full_socket_did_not_take_to_the_next_flush()
    {
        byte[] data;
        int sent;
        do
        {
            Assert.True(_written.Length < 10_000_000, "The socket takes everything.");
            data = Random(4000);
            sent = _writer.TrySend(data);
            _written.Write(data);
        }
        while (sent == data.Length);
        Assert.Equal(-1, _writer.TrySend(data));
        Task<FlushResult> flush = FlushAsync();
        Assert.False(flush.IsCompleted);
        Assert.Equal(-1, _writer.TrySend(data));
        Assert.Equal(data[sent..], TakePipe());
        Assert.False((await flush).IsCompleted);
        _server.Shutdown(SocketShutdown.Send);
        Assert.Equal(_written.ToArray(), (byte[])[.. await ReadSlowlyAsync(new Random(1)), .. data[sent..]]);
    }

    [Fact]
    public async Task TrySend_on_a_closed_connection_leaves_the_bytes_to_the_pipe()
    {
        _server.Dispose();
        byte[] data = Random(5);
        Assert.Equal(0, _writer.TrySend(data));
        Task<FlushResult> flush = FlushAsync();
        Assert.Equal(data, TakePipe());
        await _pipe.Reader.CompleteAsync();
        await flush;
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(DirectSocketWriter.BlockSize + 1)]
    public void Advance_beyond_the_memory_is_refused(int bytes)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _writer.Advance(1));
        _writer.GetMemory();
        Assert.Throws<ArgumentOutOfRangeException>(() => _writer.Advance(bytes));
    }

    [Fact]
    public async Task Every_byte_arrives_once_and_in_order()
    {
        int seed = System.Random.Shared.Next();
        var random = new Random(seed);
        Task<byte[]> read = ReadSlowlyAsync(new Random(seed + 1));
        Task send = SendPipeAsync();
        for (int i = 0; i < 3000; i++)
        {
            if (i % 100 == 50)
            {
                _writer.StreamEnded();
            }
            else if (i % 100 == 0 && i > 0)
            {
                _writer.StreamStarted();
            }

            if (random.Next(3) == 0)
            {
                byte[] data = Random(random.Next(300));
                if (_writer.TrySend(data) >= 0)
                {
                    _written.Write(data);
                }
            }

            Write(random.Next(100) switch { 0 => random.Next(100_000), 1 => 0, < 10 => random.Next(6000), _ => random.Next(300) });
            if (random.Next(3) > 0)
            {
                await FlushAsync().WaitAsync(s_limit, TestContext.Current.CancellationToken);
            }
        }

        await _writer.CompleteAsync();
        await send.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        _server.Shutdown(SocketShutdown.Send);
        byte[] arrived = await read.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.True(_written.ToArray().AsSpan().SequenceEqual(arrived), $"seed {seed}");
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    private static byte[] Random(int length)
    {
        byte[] data = new byte[length];
        System.Random.Shared.NextBytes(data);
        return data;
    }

    private byte[] Write(int length)
    {
        byte[] data = Random(length);
        _writer.Write(data);
        _written.Write(data);
        return data;
    }

    private Task<FlushResult> FlushAsync() => _writer.FlushAsync(TestContext.Current.CancellationToken).AsTask();

    private async Task FlushAtOnceAsync()
    {
        Task<FlushResult> flush = FlushAsync();
        Assert.True(flush.IsCompletedSuccessfully);
        Assert.False((await flush).IsCompleted);
    }

    private byte[] ReadSocket()
    {
        byte[] buffer = new byte[64 * 1024];
        return buffer[.._client.Receive(buffer)];
    }

    /// <summary>Writes until the socket is full; returns the flush that waits for the pipe.</summary>
    private async Task<Task<FlushResult>> FillSocketAsync()
    {
        while (true)
        {
            Assert.True(_written.Length < 10_000_000, "The socket takes everything.");
            Write(4000); // Large enough that the socket takes only a part of the last one.
            Task<FlushResult> flush = FlushAsync();
            if (!flush.IsCompleted)
            {
                return flush;
            }

            await flush;
        }
    }

    /// <summary>Reads until the socket has room again.</summary>
    private async Task DrainSocketAsync()
    {
        while (!_server.Poll(0, SelectMode.SelectWrite))
        {
            await _client.ReceiveAsync(new byte[64 * 1024], TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);
        }

        while (_client.Available > 0)
        {
            ReadSocket();
        }
    }

    private byte[] ReadPipe()
    {
        Assert.True(_pipe.Reader.TryRead(out ReadResult read));
        _pipe.Reader.AdvanceTo(read.Buffer.Start);
        return read.Buffer.ToArray();
    }

    private byte[] TakePipe()
    {
        Assert.True(_pipe.Reader.TryRead(out ReadResult read));
        byte[] data = read.Buffer.ToArray();
        _pipe.Reader.AdvanceTo(read.Buffer.End);
        return data;
    }

    /// <summary>Sends the bytes of the pipe, as Kestrel does.</summary>
    private async Task SendPipeAsync()
    {
        while (true)
        {
            ReadResult read = await _pipe.Reader.ReadAsync(TestContext.Current.CancellationToken);
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                for (int sent = 0; sent < segment.Length;)
                {
                    sent += await _server.SendAsync(segment[sent..], TestContext.Current.CancellationToken);
                }
            }

            _pipe.Reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }
    }

    private async Task<byte[]> ReadSlowlyAsync(Random random)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[2000];
        while (await _client.ReceiveAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)), TestContext.Current.CancellationToken) is > 0 and int count)
        {
            all.Write(buffer, 0, count);
            if (random.Next(20) == 0)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }

        return all.ToArray();
    }
}
