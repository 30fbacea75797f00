using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using FuncSse.Topics;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuncSse.Tests.Topics;

/// <summary>The app's own rule, with the authentication middleware of ASP.NET Core.</summary>
[Trait("Category", "Fast")]
public sealed class TopicAuthorizationTests
{
    [Fact]
    public async Task User_who_is_signed_in_with_a_cookie_gets_the_topics_of_the_user()
    {
        await using TopicServer server = await StartAsync(TopicServer.WithKey());
        (string, string) ann = await SignInAsync(server, "ann");
        (string, string) bob = await SignInAsync(server, "bob");
        using TopicClient stream = await server.OpenAsync("topics/users/ann/*", ann);
        await stream.FrameAsync();
        await stream.FrameAsync();
        await server.PublishAsync("users/ann/orders", "hello");
        Assert.StartsWith("data: hello\n", await stream.FrameAsync(), StringComparison.Ordinal);
        await AssertAsync(server, 403, "topics/users/ann/*", bob);
        await AssertAsync(server, 200, "topics/users/bob/*", bob);
        await AssertAsync(server, 403, "topics?topic=users/bob/x&topic=users/ann/x", bob);
    }

    [Fact]
    public async Task Bearer_token_goes_to_the_rule_first_and_to_the_tickets_if_it_does_not_know_it()
    {
        await using TopicServer server = await StartAsync(TopicServer.WithKey());
        string ticket = server.Tickets.Create(["users/ann/*"], TimeSpan.FromMinutes(1));
        await AssertAsync(server, 200, "topics/users/ann/x", ("Authorization", "Bearer token-of-ann"));
        await AssertAsync(server, 403, "topics/users/ann/x", ("Authorization", "Bearer token-of-bob"));
        await AssertAsync(server, 200, "topics/users/ann/x", ("Authorization", $"Bearer {ticket}"));
        await AssertAsync(server, 401, "topics/users/ann/x", ("Authorization", "Bearer token"));
        // Who is signed in is not allowed more by a ticket of someone else.
        await AssertAsync(server, 403, "topics/users/ann/x", await SignInAsync(server, "bob"), ("Authorization", $"Bearer {ticket}"));
    }

    [Fact]
    public async Task With_a_rule_and_no_key_nobody_else_gets_in()
    {
        await using TopicServer server = await StartAsync([("Topics:Public", "news")]);
        await AssertAsync(server, 401, "topics/users/ann/x");
        await AssertAsync(server, 401, "topics/users/ann/x", ("Authorization", $"Bearer {Jwt.Make("""{"topics":["*"],"exp":9999999999,"aud":"funcsse-topics"}""")}"));
        await AssertAsync(server, 200, "topics/users/ann/x", await SignInAsync(server, "ann"));
        await AssertAsync(server, 200, "topics/news");
        await AssertAsync(server, 200, "topics?topic=news&topic=users/ann/x", await SignInAsync(server, "ann"));
    }

    [Theory]
    [InlineData("challenge", 401)]
    [InlineData("deny", 403)]
    public async Task Rule_refuses(string decision, int status)
    {
        await using TopicServer server = await StartAsync(TopicServer.WithKey());
        string ticket = server.Tickets.Create(["*"], TimeSpan.FromMinutes(1));
        await AssertAsync(server, status, $"topics/users/ann/x?{decision}", ("Authorization", $"Bearer {ticket}"));
    }

    [Theory]
    [InlineData("later", 0)]
    [InlineData("throw", 1)]
    public async Task Client_comes_back_to_a_rule_that_cannot_tell(string decision, int errors)
    {
        await using TopicServer server = await StartAsync([]);
        using TopicClient stream = await server.OpenAsync($"topics/users/ann/x?{decision}");
        Assert.Matches(@"^retry: [1-3]\d{4}\n\n$", await stream.RestAsync());
        Assert.Equal(errors, server.Logs.GetSnapshot().Count(entry => entry.Level == LogLevel.Error));
    }

    [Fact]
    public async Task Stream_ends_when_the_rule_says()
    {
        var time = new ManualTimeProvider();
        await using TopicServer server = await StartAsync([], time);
        using TopicClient stream = await server.OpenAsync("topics/users/ann/x?until=5");
        await stream.FrameAsync();
        await stream.FrameAsync();
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("event: expired\ndata: {}\n\n", await stream.RestAsync());
    }

    private static Task<TopicServer> StartAsync(IEnumerable<(string, string)> settings, TimeProvider? time = null) => TopicServer.StartAsync(
        settings,
        time,
        services =>
        {
            services.AddAuthentication(options => options.DefaultScheme = "either")
                .AddPolicyScheme("either", null, options => options.ForwardDefaultSelector =
                    http => http.Request.Headers.Authorization.Count > 0 && !http.Request.Headers.Cookie.ToString().Contains(".AspNetCore.", StringComparison.Ordinal)
                        ? Tokens.Scheme : CookieAuthenticationDefaults.AuthenticationScheme)
                .AddCookie()
                .AddScheme<AuthenticationSchemeOptions, Tokens>(Tokens.Scheme, null);
            services.AddScoped<ITopicAuthorization, OwnTopics>();
        },
        app =>
        {
            app.UseAuthentication();
            app.MapPost("/sign-in", (HttpContext http, string user) => http.SignInAsync(
                CookieAuthenticationDefaults.AuthenticationScheme,
                new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, user)], CookieAuthenticationDefaults.AuthenticationScheme))));
        });

    [Fact]
    public async Task Rule_that_cannot_be_constructed_tells_the_client_to_come_back_later()
    {
        await using TopicServer server = await TopicServer.StartAsync(
            [("Topics:Public", "news")], add: services => services.AddScoped<ITopicAuthorization, NeedsDatabase>());
        using TopicClient refused = await server.OpenAsync("topics/a");
        Assert.Matches("^retry: [0-9]{5}\n\n$", await refused.RestAsync());
        Assert.Contains(server.Logs.GetSnapshot(), entry => entry.Level == LogLevel.Error && entry.Exception!.Message == "The database is away.");
        using TopicClient allowed = await server.OpenAsync("topics/news");
        await allowed.FrameAsync();
        Assert.StartsWith("event: position\n", await allowed.FrameAsync(), StringComparison.Ordinal);
    }

    private static async Task<(string, string)> SignInAsync(TopicServer server, string user)
    {
        using HttpResponseMessage response = await server.Client.PostAsync($"sign-in?user={user}", null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return ("Cookie", response.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
    }

    private static async Task AssertAsync(TopicServer server, int status, string path, params (string, string)[] headers)
    {
        using HttpResponseMessage response = await server.HeadAsync(path, headers);
        Assert.Equal(status, (int)response.StatusCode);
    }

    private sealed class NeedsDatabase : ITopicAuthorization
    {
        public NeedsDatabase() => throw new InvalidOperationException("The database is away.");

        public ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics) => throw new InvalidOperationException();
    }

    private sealed class OwnTopics(TimeProvider time) : ITopicAuthorization
    {
        public ValueTask<TopicAuthorizationResult> AuthorizeAsync(HttpContext http, TopicSet topics) => ValueTask.FromResult(
            http.Request.Query.ContainsKey("challenge") ? TopicAuthorizationResult.Challenge
            : http.Request.Query.ContainsKey("deny") ? TopicAuthorizationResult.Deny
            : http.Request.Query.ContainsKey("later") ? TopicAuthorizationResult.Later
            : http.Request.Query.ContainsKey("throw") ? throw new InvalidOperationException("The database is away.")
            : http.Request.Query.ContainsKey("until") ? TopicAuthorizationResult.Allow(time.GetUtcNow().AddSeconds(5))
            : http.User.Identity is not { IsAuthenticated: true, Name: { } name } ? TopicAuthorizationResult.ByTicket
            : new TopicSet([$"users/{name}/*"]).Covers(topics) ? TopicAuthorizationResult.Allow(subject: name)
            : TopicAuthorizationResult.Deny);
    }

    private sealed class Tokens(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        public new const string Scheme = "tokens";

        private const string Known = "Bearer token-of-";

        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            string header = Request.Headers.Authorization.ToString();
            return Task.FromResult(header.StartsWith(Known, StringComparison.Ordinal)
                ? AuthenticateResult.Success(new AuthenticationTicket(
                    new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, header[Known.Length..])], Scheme)), Scheme))
                : AuthenticateResult.NoResult());
        }
    }
}
