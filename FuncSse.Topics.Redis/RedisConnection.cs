using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace FuncSse.Topics.Redis;

/// <summary>The one connection of the process. It is opened when it is first needed, and opens again by itself whenever it breaks.</summary>
/// <param name="configuration">The configuration string.</param>
/// <param name="configure">Completes the configuration, as credentials do.</param>
/// <param name="identity">Signs in; <see langword="null"/> if the configuration is enough.</param>
/// <param name="name">The name of the log: the hash tag of its keys, and the channel.</param>
/// <param name="feed">Told of what comes over the channel, and of each change of the connection.</param>
/// <param name="logger">Told of an eviction policy that would delete events.</param>
internal sealed class RedisConnection(
    string configuration,
    Func<ConfigurationOptions, Task>? configure,
    RedisIdentity? identity,
    string name,
    RedisFeed feed,
    ILogger logger) : IAsyncDisposable
{
    // A Redis that is back is found within this time, and half as much again for the pause of the heartbeat.
    private const int ReconnectMilliseconds = 500;

    // A host that does not answer at all must not hold up the next try.
    private const int ConnectMilliseconds = 2500;

    // The append is tried again after three seconds in any case.
    private const int AnswerMilliseconds = 3000;

    // A primary that became a replica still answers readers, with what it had, and one that is gone names no successor: the client has to look.
    private const int RoleSeconds = 2;

    private readonly RedisKey[] _keys = [$"{{{name}}}", $"{{{name}}}:log", $"{{{name}}}:values", $"{{{name}}}:reserved"];
    private readonly RedisChannel _channel = RedisChannel.Literal($"{{{name}}}:appended");
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _subscribing = new(1);
    private Task<ConnectionMultiplexer>? _connecting;
    private volatile bool _isSubscribed;
    private volatile bool _isPushed;
    private bool _disposed;
    private int _checked;

    /// <summary>Whether what is appended comes by the channel, unless the connection is broken: Redis has confirmed the subscription.</summary>
    public bool IsPushed => _isPushed;

    /// <summary>Runs a script on the primary.</summary>
    /// <exception cref="EventLogUnavailableException">Redis does not answer, or refuses.</exception>
    public async Task<RedisResult> EvaluateAsync(string script, RedisValue[] values, CancellationToken cancellationToken)
    {
        try
        {
            ConnectionMultiplexer redis = await ConnectAsync().WaitAsync(cancellationToken);
            return await redis.GetDatabase().ScriptEvaluateAsync(script, _keys, values, CommandFlags.DemandMaster).WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (IsOutage(exception, cancellationToken))
        {
            throw new EventLogUnavailableException("Redis does not accept or return events at present.", exception);
        }
    }

    /// <summary>Subscribes to what is appended, unless that was done. Without an answer the client keeps the subscription, and sends it later.</summary>
    /// <returns>Whether this call did it: what was appended before has to be read.</returns>
    public async Task<bool> SubscribeAsync(CancellationToken cancellationToken)
    {
        if (_isSubscribed)
        {
            return false;
        }

        await SetSubscribedAsync(true).WaitAsync(cancellationToken);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        Task<ConnectionMultiplexer>? connecting;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            (connecting, _connecting) = (_connecting, null);
        }

        await _ending.CancelAsync();
        if (connecting is not null)
        {
            await ((Task)connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (connecting.IsCompletedSuccessfully)
            {
                await (await connecting).DisposeAsync();
            }
        }

        _ending.Dispose();
    }

    private static bool IsOutage(Exception exception, CancellationToken cancellationToken) => exception switch
    {
        RedisException or RedisCommandException or TimeoutException or IOException or System.Net.Sockets.SocketException => true,
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        _ => false,
    };

    private Task<ConnectionMultiplexer> ConnectAsync()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _connecting is null || _connecting.IsFaulted || _connecting.IsCanceled ? _connecting = Task.Run(OpenAsync) : _connecting;
        }
    }

    private async Task<ConnectionMultiplexer> OpenAsync()
    {
        ConfigurationOptions options = ConfigurationOptions.Parse(configuration);
        options.AbortOnConnectFail = false;
        options.ReconnectRetryPolicy = new LinearRetry(ReconnectMilliseconds);
        options.HeartbeatInterval = TimeSpan.FromMilliseconds(ReconnectMilliseconds / 2.0);
        options.ConnectTimeout = Math.Min(options.ConnectTimeout, ConnectMilliseconds);
        options.AsyncTimeout = Math.Min(options.AsyncTimeout, AnswerMilliseconds);
        options.KeepAlive = options.KeepAlive > 0 ? options.KeepAlive : 5;

        options.ConfigCheckSeconds = RoleSeconds;

        // Nothing is queued here: the writer itself tries again, and knows which append it repeats.
        options.BacklogPolicy = BacklogPolicy.FailFast;
        await ConfigureAsync(options);
        ConnectionMultiplexer redis = await ConnectionMultiplexer.ConnectAsync(options);
        redis.ConnectionFailed += (_, _) => feed.OnConnectionChanged();
        redis.ConnectionRestored += (_, _) =>
        {
            feed.OnConnectionChanged();
            if (Volatile.Read(ref _checked) == 0)
            {
                _ = CheckAsync(redis);
            }
        };
        await CheckAsync(redis);
        _ = identity?.RenewAsync(redis, options, _ending.Token);
        return redis;
    }

    // A process without a reader gets no messages.
    private void Receive(RedisValue message)
    {
        _isPushed = true;
        if (feed.IsFollowed)
        {
            feed.Receive(message);
        }
        else
        {
            _ = SetSubscribedAsync(false);
        }
    }

    private async Task SetSubscribedAsync(bool wanted)
    {
        await _subscribing.WaitAsync();
        try
        {
            ISubscriber channel = (await ConnectAsync()).GetSubscriber();
            if (wanted && !_isSubscribed)
            {
                (_isSubscribed, _isPushed) = (true, false);
                await channel.SubscribeAsync(_channel, (_, message) => Receive(message));
                _isPushed = true;
            }
            else if (!wanted && _isSubscribed && !feed.IsFollowed)
            {
                _isSubscribed = _isPushed = false;
                await channel.UnsubscribeAsync(_channel);
            }
        }
        catch (RedisServerException refusal)
        {
            RedisLogMessages.NotSubscribed(logger, _channel.ToString(), RedisFeed.LongestPause, refusal);
        }
        catch (Exception exception) when (exception is ObjectDisposedException || IsOutage(exception, CancellationToken.None))
        {
            // An exception from here would end the reader's wait. The next read tells of the outage.
        }
        finally
        {
            _subscribing.Release();
            feed.OnConnectionChanged(); // A reader may have begun to wait meanwhile.
        }
    }

    // A failure to get a credential is an outage like any other, whatever the library throws.
    private async Task ConfigureAsync(ConfigurationOptions options)
    {
        try
        {
            await (configure?.Invoke(options) ?? Task.CompletedTask);
            await (identity?.SignInAsync(options, _ending.Token) ?? Task.CompletedTask);
        }
        catch (Exception exception)
        {
            throw new RedisException("The configuration of Redis could not be completed.", exception);
        }
    }

    // Eviction would delete the whole log at once. The log has no expiry, so policies that evict only keys with one leave it alone.
    private async Task CheckAsync(ConnectionMultiplexer redis)
    {
        try
        {
            string policy = (string?)await redis.GetDatabase().ScriptEvaluateAsync(RedisScripts.Policy, _keys, [""], CommandFlags.DemandMaster) ?? "";
            if (Interlocked.Exchange(ref _checked, 1) == 1)
            {
                return;
            }

            if (policy.Length == 0)
            {
                RedisLogMessages.PolicyUnknown(logger);
            }
            else if (policy.StartsWith("allkeys-", StringComparison.Ordinal))
            {
                RedisLogMessages.Evicts(logger, policy);
            }
        }
        catch (Exception exception) when (IsOutage(exception, CancellationToken.None))
        {
            // The check runs again when there is a connection.
        }
    }
}
