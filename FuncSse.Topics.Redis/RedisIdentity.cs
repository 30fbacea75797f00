using System.Buffers.Text;
using System.Text.Json;
using Azure.Core;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace FuncSse.Topics.Redis;

/// <summary>
/// Signs in to a Redis of Azure with Microsoft Entra ID: the user is the object id of the identity, the password is its token, and a
/// connection that is to outlive the token has to send the next one (azure-docs, <c>entra-for-authentication.md</c>).
/// </summary>
/// <param name="credential">Gives tokens, and keeps them as long as they are valid.</param>
/// <param name="time">For the pauses, and the age of tokens.</param>
/// <param name="logger">Told when a token could not be renewed.</param>
internal sealed class RedisIdentity(TokenCredential credential, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_least = TimeSpan.FromSeconds(30);
    private static readonly TokenRequestContext s_request = new(["https://redis.azure.com/.default"]);

    private AccessToken _token;

    /// <summary>Whether a configuration names a Redis of Azure and has no password.</summary>
    public static bool IsFor(ConfigurationOptions options) => string.IsNullOrEmpty(options.Password)
        && DefaultOptionsProvider.GetProvider(options.EndPoints) is AzureOptionsProvider or AzureManagedRedisOptionsProvider;

    /// <summary>Completes the options, which StackExchange.Redis reads again for each connection that it makes.</summary>
    public async Task SignInAsync(ConfigurationOptions options, CancellationToken cancellationToken)
    {
        _token = await credential.GetTokenAsync(s_request, cancellationToken);
        options.User = FindUser(_token.Token);
        options.Password = _token.Token;
    }

    /// <summary>Signs in again whenever a quarter of the token's time is left, until the call is cancelled.</summary>
    public async Task RenewAsync(ConnectionMultiplexer redis, ConfigurationOptions options, CancellationToken cancellationToken)
    {
        TimeSpan pause = Pause();
        while (true)
        {
            try
            {
                await Task.Delay(pause, time, cancellationToken);
                await SignInAsync(options, cancellationToken);

                // A connection for messages does not take this command. The server closes it when its token expires, and it comes back with the new
                // one.
                foreach (IServer server in redis.GetServers().Where(server => server.IsConnected))
                {
                    await server.ExecuteAsync("AUTH", options.User!, options.Password!);
                }

                pause = Pause();
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                RedisLogMessages.TokenNotRenewed(logger, exception);
                pause = s_least;
            }
            catch (Exception)
            {
                return; // The connection is not needed any more.
            }
        }
    }

    private static string FindUser(string token)
    {
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));
        return claims.RootElement.GetProperty("oid").GetString()!;
    }

    private TimeSpan Pause()
    {
        TimeSpan left = (_token.ExpiresOn - time.GetUtcNow()) * 0.75;
        return left > s_least ? left : s_least;
    }
}
