using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace FuncSse.Topics;

/// <summary>Creates and validates tickets with the keys of the options.</summary>
internal sealed class TopicTickets : ITopicTickets
{
    private const int MaxLength = 8 * 1024;
    private const int MaxCookieLength = 4096; // RFC 6265 §6.1. Browsers count the name and the value, without the attributes.

    private static readonly JsonWebTokenHandler s_handler = new() { SetDefaultTimesOnTokenCreation = false, MaximumTokenSizeInBytes = MaxLength };

    private readonly SecurityKey[] _keys;
    private readonly TokenValidationParameters _parameters;
    private readonly TimeSpan _longest;
    private readonly EventLogWriter _writer;
    private readonly Revocations _revocations;
    private readonly TimeProvider _time;

    public TopicTickets(TopicOptions options, EventLogWriter writer, Revocations revocations, TimeProvider time)
    {
        (_longest, _writer, _revocations, _time) = (options.MaxTicketLifetime, writer, revocations, time);
        _keys = [.. options.SigningKey.Select(key => new SymmetricSecurityKey(Encoding.UTF8.GetBytes(key)))];
        _parameters = new TokenValidationParameters
        {
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            IssuerSigningKeys = _keys,
            ValidAudience = options.Name,
            ValidateIssuer = false, // Anyone who has the key may issue tickets.
            ValidateLifetime = false, // TopicTicket does this by the app's clock.
            LogValidationExceptions = false,
        };
    }

    /// <summary>Whether topics need tickets, since the app has a key.</summary>
    public bool AreRequired => _keys.Length > 0;

    public string Create(IEnumerable<string> topics, TimeSpan lifetime, string? subject = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(lifetime, TimeSpan.FromSeconds(1));
        DateTimeOffset now = _time.GetUtcNow();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lifetime, _longest);
        var set = new TopicSet(topics);
        if (set.IsEmpty)
        {
            throw new ArgumentException("A ticket needs at least one topic.", nameof(topics));
        }

        if (!AreRequired)
        {
            throw new InvalidOperationException($"Tickets need a key: {TopicOptions.Section}:{nameof(TopicOptions.SigningKey)}.");
        }

        // In milliseconds: a ticket that follows a revocation in the same second counts.
        var claims = new Dictionary<string, object> { ["topics"] = set.Topics.ToArray(), ["iat"] = now.ToUnixTimeMilliseconds() / 1000d };
        if (subject is not null)
        {
            claims["sub"] = subject;
        }

        string ticket = s_handler.CreateToken(new SecurityTokenDescriptor
        {
            Audience = _parameters.ValidAudience,
            Claims = claims,
            Expires = (now + lifetime).UtcDateTime,
            SigningCredentials = new SigningCredentials(_keys[0], SecurityAlgorithms.HmacSha256),
        });
        return ticket.Length <= MaxLength ? ticket : throw new ArgumentException($"The ticket has more than {MaxLength} characters.", nameof(topics));
    }

    public async Task RevokeAsync(string subject, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string topic = Revocations.TopicOf(subject);
        DateTimeOffset now = _time.GetUtcNow();
        await _writer.AppendAsync(topic, type: null, "revoked"u8.ToArray(), retain: true, cancellationToken);
        _revocations.Add(topic, now);
        await ClearAsync(cancellationToken);
    }

    private async Task ClearAsync(CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<string> expired = await _revocations.TakeExpiredAsync();
            await Task.WhenAll(expired.Select(
                topic => _writer.AppendAsync(topic, type: null, ReadOnlyMemory<byte>.Empty, retain: true, cancellationToken)));
        }
        catch (EventLogUnavailableException)
        {
            // They do no harm. The subject's right is revoked.
        }
    }

    public void SetCookie(HttpResponse response, string ticket, string path)
    {
        ArgumentNullException.ThrowIfNull(response);
        ArgumentException.ThrowIfNullOrEmpty(ticket);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path[0] != '/' || path.Any(c => c is < ' ' or > '~' or ';' or ','))
        {
            throw new ArgumentException("The path must begin with / and consist of ASCII characters other than , and ;.", nameof(path));
        }

        if (ITopicTickets.CookieName.Length + ticket.Length > MaxCookieLength)
        {
            throw new ArgumentException($"Browsers drop a cookie with more than {MaxCookieLength} bytes.", nameof(ticket));
        }

        response.Cookies.Append(ITopicTickets.CookieName, ticket, new CookieOptions
        {
            Expires = new JsonWebToken(ticket).ValidTo,
            HttpOnly = true,
            Path = path,
            SameSite = SameSiteMode.Strict,
            Secure = true,
        });
    }

    /// <summary>The claims of the ticket if it is valid now; <see langword="null"/> for any other text.</summary>
    public async Task<TopicTicket?> ValidateAsync(string ticket)
    {
        if (ticket.Length > MaxLength)
        {
            return null;
        }

        try
        {
            TokenValidationResult result = await s_handler.ValidateTokenAsync(ticket, _parameters);
            if (!result.IsValid || result.SecurityToken is not JsonWebToken token)
            {
                return null;
            }

            // No critical header is supported (RFC 7515 §4.1.11). Decoders ignore some bits of a signature's last character, so several
            // texts have the same signature; only the canonical one is accepted.
            if (token.TryGetHeaderValue("crit", out object _)
                || Base64UrlEncoder.Encode(Base64UrlEncoder.DecodeBytes(token.EncodedSignature)) != token.EncodedSignature)
            {
                return null;
            }

            using JsonDocument claims = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
            return TopicTicket.Read(claims.RootElement, _time.GetUtcNow(), _longest);
        }
        catch (Exception)
        {
            return null; // The text cannot be parsed.
        }
    }
}
