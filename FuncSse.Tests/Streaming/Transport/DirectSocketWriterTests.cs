using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using FuncSse.Streaming;

namespace FuncSse.Tests;

[Trait("Category", "Fast")]
public sealed class DirectSocketWriterTests : IDisposable
{
    private const int MaxBuffered = 64 * 1024;

    // Of every wait, so that a fault fails its own test and does not hang the run.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // As Kestrel's pipe: its reader, the one that sends, is what a flush waits for.
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
        _client.ReceiveBufferSize = 4096; // Little room, so that the socket is soon full.
        _client.ReceiveTimeout = 10_000;
        _client.Connect(listener.LocalEndPoint!);
        _server = listener.Accept();
        _server.SendBufferSize = 4096;
        _server.Blocking = false;
        _writer = new DirectSocketWriter(_server, _pipe.Writer, MaxBuffered);
        _writer.StreamStarted();
    }

    [Fact]
    public async Task What_is_flushed_is_sent_at_once_and_alone()
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
    public async Task What_a_full_socket_does_not_take_goes_to_the_pipe_and_the_flush_waits_for_it()
    {
        Task<FlushResult> flush = await FillSocketAsync();
        byte[] piped = TakePipe();
        Assert.False((await flush).IsCompleted);
        _server.Shutdown(SocketShutdown.Send);
        byte[] arrived = [.. await ReadSlowlyAsync(new Random(1)), .. piped];
        Assert.Equal(_written.ToArray(), arrived);
    }

    [Fact]
    public async Task Once_the_pipe_is_empty_all_goes_to_the_socket_again()
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
    public async Task What_is_written_while_the_pipe_is_not_empty_follows_it()
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
    public async Task What_is_written_while_a_flush_waits_follows_it()
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
    public async Task Flush_that_is_given_up_by_its_token_leaves_all_to_the_pipe()
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
    public async Task More_than_a_block_is_left_to_the_pipe()
    {
        Write(DirectSocketWriter.BlockSize - 1);
        Write(2);
        Task<FlushResult> flush = FlushAsync();
        Assert.Equal(_written.ToArray(), TakePipe());
        await flush;
        Assert.Equal(0, _client.Available);
    }

    [Fact]
    public async Task Connection_that_is_over_is_for_the_pipe_to_find_out()
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
    public async Task Completion_is_the_pipes()
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
    public async Task Cancellation_is_for_the_next_flush_alone_and_leaves_the_connection_to_the_pipe()
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
    public async Task Responses_that_are_no_streams_go_to_the_pipe_and_wait_only_when_it_holds_much()
    {
        _writer.StreamEnded();
        for (int length = 0; length < MaxBuffered - 1000; length += 1000)
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
    public async Task Stream_follows_what_is_not_yet_sent_of_the_response_before_it()
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
    public async Task Bytes_are_sent_past_the_response_only_when_all_before_them_has_left()
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
    public async Task What_a_full_socket_does_not_take_of_bytes_past_the_response_waits_for_the_next_flush()
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
    public async Task Bytes_past_the_response_to_a_connection_that_is_over_are_for_the_pipe()
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
    public void Nobody_can_say_to_have_written_what_there_was_no_room_for(int bytes)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _writer.Advance(1));
        _writer.GetMemory();
        Assert.Throws<ArgumentOutOfRangeException>(() => _writer.Advance(bytes));
    }

    [Fact]
    public async Task Nothing_is_lost_or_swapped_however_it_is_written_and_read()
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
                await FlushAsync().WaitAsync(Limit, TestContext.Current.CancellationToken);
            }
        }

        await _writer.CompleteAsync();
        await send.WaitAsync(Limit, TestContext.Current.CancellationToken);
        _server.Shutdown(SocketShutdown.Send);
        byte[] arrived = await read.WaitAsync(Limit, TestContext.Current.CancellationToken);
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

    /// <summary>Writes until the socket is full; returns the flush that waits for the pipe then.</summary>
    private async Task<Task<FlushResult>> FillSocketAsync()
    {
        while (true)
        {
            Assert.True(_written.Length < 10_000_000, "The socket takes everything.");
            Write(4000); // So much that the last is taken in part.
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
            await _client.ReceiveAsync(new byte[64 * 1024], TestContext.Current.CancellationToken).AsTask().WaitAsync(Limit);
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

    /// <summary>What Kestrel does with the pipe.</summary>
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
