using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using FuncSse.Streaming;

namespace FuncSse.Tests;

public sealed class DirectSocketWriterTests : IDisposable
{
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
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
        _writer = new DirectSocketWriter(_server, _pipe.Writer);
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
    public async Task Once_the_socket_is_full_all_goes_to_the_pipe()
    {
        while (ReadPipe().Length == 0)
        {
            Assert.True(_written.Length < 10_000_000, "The socket takes everything.");
            Write(4000); // So much that the last is taken in part.
            await FlushAtOnceAsync();
        }

        byte[] sent = ReadSocket();
        Write(7);
        Assert.Equal(7, _writer.UnflushedBytes);
        await FlushAtOnceAsync();
        _server.Shutdown(SocketShutdown.Send);
        byte[] arrived = [.. sent, .. await ReadSlowlyAsync(new Random(1)), .. ReadPipe()];
        Assert.Equal(_written.ToArray(), arrived);
    }

    [Fact]
    public async Task More_than_a_block_is_left_to_the_pipe()
    {
        Write(DirectSocketWriter.BlockSize - 1);
        Write(2);
        await FlushAtOnceAsync();
        Assert.Equal(_written.ToArray(), ReadPipe());
        Assert.Equal(0, _client.Available);
    }

    [Fact]
    public async Task Connection_that_is_over_is_for_the_pipe_to_find_out()
    {
        _server.Dispose();
        Write(3);
        await FlushAtOnceAsync();
        Assert.Equal(_written.ToArray(), ReadPipe());

        await _pipe.Reader.CompleteAsync();
        Write(1);
        Assert.True((await _writer.FlushAsync(TestContext.Current.CancellationToken)).IsCompleted);
    }

    [Fact]
    public async Task Completion_is_the_pipes()
    {
        Write(3);
        await _writer.CompleteAsync();
        Assert.True(_pipe.Reader.TryRead(out ReadResult read));
        Assert.True(read.IsCompleted);
        Assert.Equal(_written.ToArray(), read.Buffer.ToArray());
    }

    [Fact]
    public async Task Wait_for_the_pipe_can_be_cancelled()
    {
        var narrow = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1));
        var writer = new DirectSocketWriter(_server, narrow.Writer);
        writer.GetSpan(DirectSocketWriter.BlockSize + 1).Clear();
        writer.Advance(100);
        ValueTask<FlushResult> flush = writer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.False(flush.IsCompleted);
        writer.CancelPendingFlush();
        Assert.True((await flush).IsCanceled);
    }

    [Fact]
    public async Task Nothing_is_lost_or_swapped_however_it_is_written_and_read()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        Task<byte[]> read = ReadSlowlyAsync(new Random(seed + 1));
        for (int i = 0; i < 3000; i++)
        {
            Write(random.Next(100) switch { 0 => random.Next(6000), 1 => 0, _ => random.Next(300) });
            if (random.Next(3) > 0)
            {
                await FlushAtOnceAsync();
            }
        }

        await FlushAtOnceAsync();
        _server.Shutdown(SocketShutdown.Send);
        byte[] arrived = [.. await read, .. ReadPipe()];
        Assert.True(_written.ToArray().AsSpan().SequenceEqual(arrived), $"seed {seed}");
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    private byte[] Write(int length)
    {
        byte[] data = new byte[length];
        Random.Shared.NextBytes(data);
        _writer.Write(data);
        _written.Write(data);
        return data;
    }

    private async Task FlushAtOnceAsync()
    {
        ValueTask<FlushResult> flush = _writer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.True(flush.IsCompletedSuccessfully);
        Assert.False((await flush).IsCompleted);
    }

    private byte[] ReadSocket()
    {
        byte[] buffer = new byte[64 * 1024];
        return buffer[.._client.Receive(buffer)];
    }

    /// <summary>All that has come through the pipe so far.</summary>
    private byte[] ReadPipe()
    {
        if (!_pipe.Reader.TryRead(out ReadResult read))
        {
            return [];
        }

        _pipe.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.Start);
        return read.Buffer.ToArray();
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
