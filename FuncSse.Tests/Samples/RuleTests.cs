using System.Net;
using System.Security.Claims;
using System.Security.Cryptography;
using FuncSse.Tests.Topics;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Negotiate.Rules;

namespace FuncSse.Tests.Samples;

/// <summary>The three rules of the sample, with the endpoints of the self-host and ASP.NET Core's own authentication, over a socket.</summary>
public sealed class RuleTests : IDisposable
{
    private const string Issuer = "https://login.example.com/tenant/v2.0";
    private const string Audience = "api://funcsse";

    private static readonly JsonWebTokenHandler s_tokens = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly RSA _rsa = RSA.Create(2048);
    private readonly RSA _otherRsa = RSA.Create(2048);

    public void Dispose()
    {
        _rsa.Dispose();
        _otherRsa.Dispose();
    }

    [Fact]
    public async Task Token_of_Entra_opens_the_topics_of_its_user_and_no_other()
    {
        await using TopicServer server = await StartWithEntraAsync();
        (string, string) ann = Bearer(Token());
        await AssertAsync(server, 200, "topics/users/ann/orders", ann);
        await AssertAsync(server, 200, "topics?topic=users/ann/*&topic=news", ann);
        await AssertAsync(server, 403, "topics/users/bob/orders", ann);
        await AssertAsync(server, 403, "topics?topic=users/ann/x&topic=users/bob/x", ann);
        await AssertAsync(server, 403, "topics/*", ann);
        await AssertAsync(server, 401, "topics/users/ann/orders");
        using TopicClient stream = await server.OpenAsync("topics/users/ann/*", ann);
        await stream.FrameAsync();
        await stream.FrameAsync();
        await server.PublishAsync("users/ann/orders", "hello");
        Assert.StartsWith("data: hello\n", await stream.FrameAsync(), StringComparison.Ordinal);
    }

    public static TheoryData<string, int> WrongTokens => new()
    {
        { "without the scope", 403 }, { "with another scope", 403 },
        { "without a user", 401 }, { "of a user whose id has a slash", 403 },
        { "expired", 401 }, { "expired a moment ago", 401 }, { "not valid yet", 401 }, { "without an end", 401 },
        { "for another audience", 401 }, { "of another issuer", 401 }, { "signed with another key", 401 },
        { "signed with the public key as a secret", 401 }, { "not signed", 401 }, { "changed", 401 }, { "no token", 401 }, { "", 401 },
    };

    [Theory]
    [MemberData(nameof(WrongTokens))]
    public async Task Wrong_token_of_Entra_opens_nothing(string what, int status)
    {
        await using TopicServer server = await StartWithEntraAsync();
        DateTime now = DateTime.UtcNow;
        string good = Token();
        string token = what switch
        {
            "without the scope" => Token(edit: token => token.Claims.Remove("scp")),
            "with another scope" => Token(edit: token => token.Claims["scp"] = "Topics.ReadNot Mail.Read"),
            "without a user" => Token(edit: token => token.Claims.Remove("oid")),
            "of a user whose id has a slash" => Token("ann/x"),
            "expired" => Token(edit: token => token.Expires = now.AddHours(-1)),
            "expired a moment ago" => Token(edit: token => token.Expires = now.AddSeconds(-2)),
            "not valid yet" => Token(edit: token => token.NotBefore = now.AddMinutes(10)),
            "without an end" => Token(edit: token => token.Expires = null),
            "for another audience" => Token(edit: token => token.Audience = "api://other"),
            "of another issuer" => Token(edit: token => token.Issuer = "https://login.example.com/other/v2.0"),
            "signed with another key" => Token(edit: token => token.SigningCredentials = Sign(_otherRsa)),
            "signed with the public key as a secret" => Token(edit: token => token.SigningCredentials =
                new SigningCredentials(new SymmetricSecurityKey(_rsa.ExportSubjectPublicKeyInfo()), SecurityAlgorithms.HmacSha256)),
            "not signed" => Token(edit: token => token.SigningCredentials = null),
            "changed" => $"{good.Split('.')[0]}.{Token("bob").Split('.')[1]}.{good.Split('.')[2]}",
            _ => what,
        };
        await AssertAsync(server, status, "topics/users/ann/orders", Bearer(token));
    }

    [Fact]
    public async Task Stream_ends_with_the_token_of_Entra()
    {
        // By the app's clock the token has run out.
        await using TopicServer server = await StartWithEntraAsync(new OffsetTimeProvider(TimeSpan.FromHours(2)));
        using TopicClient stream = await server.OpenAsync("topics/users/ann/orders", Bearer(Token()));
        Assert.EndsWith("event: expired\ndata: {}\n\n", await stream.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ticket_counts_where_there_is_no_token_of_Entra()
    {
        await using TopicServer server = await StartWithEntraAsync(settings: TopicServer.WithKey());
        string ticket = server.Tickets.Create(["users/ann/*"], TimeSpan.FromMinutes(1));
        await AssertAsync(server, 200, "topics/users/ann/orders", Bearer(ticket));
        await AssertAsync(server, 403, "topics/users/bob/orders", Bearer(ticket));
        await AssertAsync(server, 200, "topics/users/bob/orders", Bearer(Token("bob")));
    }

    [Fact]
    public async Task Cookie_of_ASPNET_Core_opens_the_topics_of_its_user_and_no_other()
    {
        await using TopicServer server = await StartWithCookieAsync();
        (string, string) ann = await SignInAsync(server, "ann");
        await AssertAsync(server, 200, "topics/users/ann/orders", ann);
        await AssertAsync(server, 200, "topics/news", ann);
        await AssertAsync(server, 403, "topics/users/bob/orders", ann);
        await AssertAsync(server, 401, "topics/users/ann/orders");
        await AssertAsync(server, 403, "topics/users/ann/x/y", await SignInAsync(server, "ann/x"));
        await AssertAsync(server, 401, "topics/users/ann/orders", ("Cookie", $"{ann.Item2[..^4]}AAAA"));
        await AssertAsync(server, 401, "topics/users/ann/orders", await SignInAsync(server, "ann", seconds: -5));
        using TopicClient stream = await server.OpenAsync("topics/users/ann/*", ann);
        await stream.FrameAsync();
        await stream.FrameAsync();
        await server.PublishAsync("users/ann/orders", "hello");
        Assert.StartsWith("data: hello\n", await stream.FrameAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task User_of_App_Service_has_the_topics_of_the_user_and_no_other()
    {
        await using TopicServer server = await TopicServer.StartAsync([], add: services => services.AddAppServiceTopics());
        await AssertAsync(server, 200, "topics/users/ann/orders", AppService.User("ann"));
        await AssertAsync(server, 403, "topics/users/bob/orders", AppService.User("ann"));
        await AssertAsync(server, 401, "topics/users/ann/orders");
        await AssertAsync(server, 401, "topics/users/ann/orders", (AppService.Header, "ann"));
        await AssertAsync(server, 403, "topics/users/ann/x/y", AppService.User("ann/x"));
        string entra = AppService.Principal("""
            {"claims":[{"typ":"sub","val":"bob"},{"typ":"http://schemas.microsoft.com/identity/claims/objectidentifier","val":"ann"}]}
            """);
        await AssertAsync(server, 200, "topics/users/ann/orders", (AppService.Header, entra));
        await AssertAsync(server, 403, "topics/users/bob/orders", (AppService.Header, entra));
    }

    private static (string, string) Bearer(string token) => ("Authorization", $"Bearer {token}");

    private static SigningCredentials Sign(RSA rsa) => new(new RsaSecurityKey(rsa), SecurityAlgorithms.RsaSha256);

    // As Entra ID makes them.
    private string Token(string user = "ann", Action<SecurityTokenDescriptor>? edit = null)
    {
        DateTime now = DateTime.UtcNow;
        var token = new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Audience,
            NotBefore = now.AddMinutes(-5),
            Expires = now.AddHours(1),
            Claims = new Dictionary<string, object> { ["oid"] = user, ["scp"] = "Mail.Read Topics.Read" },
            SigningCredentials = Sign(_rsa),
        };
        edit?.Invoke(token);
        return s_tokens.CreateToken(token);
    }

    // What Entra ID's metadata would say is set here: there is no network in a test.
    private Task<TopicServer> StartWithEntraAsync(
        TimeProvider? time = null, IEnumerable<(string, string)>? settings = null) => TopicServer.StartAsync(
        [
            .. settings ?? [],
            ("Authentication:Schemes:Bearer:ValidAudiences:0", Audience),
            ("Authentication:Schemes:Bearer:ValidIssuer", Issuer),
        ],
        time,
        services => services.AddEntraTopics().Configure<JwtBearerOptions>(
            JwtBearerDefaults.AuthenticationScheme,
            options => options.TokenValidationParameters.IssuerSigningKey = new RsaSecurityKey(_rsa)),
        app => app.UseAuthentication());

    private static Task<TopicServer> StartWithCookieAsync() => TopicServer.StartAsync(
        [],
        add: services => services.AddCookieTopics(),
        use: app =>
        {
            app.UseAuthentication();
            app.MapPost("/sign-in", (HttpContext http, string user, int seconds) => http.SignInAsync(
                new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, user)], "test")),
                new AuthenticationProperties { ExpiresUtc = DateTimeOffset.UtcNow.AddSeconds(seconds) }));
        });

    private static async Task<(string, string)> SignInAsync(TopicServer server, string user, int seconds = 600)
    {
        using HttpResponseMessage response = await server.Client.PostAsync(
            new Uri($"sign-in?user={Uri.EscapeDataString(user)}&seconds={seconds}", UriKind.Relative), null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return ("Cookie", response.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
    }

    private static async Task AssertAsync(TopicServer server, int status, string path, params (string, string)[] headers)
    {
        using HttpResponseMessage response = await server.HeadAsync(path, headers);
        Assert.Equal(status, (int)response.StatusCode);
    }
}
