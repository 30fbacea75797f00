using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FuncSse.Topics;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Tests.Topics;

/// <summary>What is a ticket, and what only looks like one.</summary>
[Trait("Category", "Fast")]
public sealed class TicketTests
{
    private const long Now = 1_000_000; // Seconds since 1970, as the clock of these tests shows.

    private static readonly string[] s_algorithms = ["none", "NONE", "HS384", "HS512", "RS256", "ES256", "", "hs256"];

    [Fact]
    public void Ticket_has_the_claims_and_nothing_else()
    {
        string ticket = Tickets().Create(["a", "orders/*"], TimeSpan.FromMinutes(5), "ann");
        string[] parts = ticket.Split('.');
        Assert.Equal("""{"alg":"HS256","typ":"JWT"}""", Decode(parts[0]));
        using JsonDocument claims = JsonDocument.Parse(Decode(parts[1]));
        Assert.Equal(["aud", "exp", "iat", "sub", "topics"], claims.RootElement.EnumerateObject().Select(claim => claim.Name).Order());
        Assert.Equal("funcsse-topics", claims.RootElement.GetProperty("aud").GetString());
        Assert.Equal(Now, claims.RootElement.GetProperty("iat").GetDouble());
        Assert.Equal(Now + 300, claims.RootElement.GetProperty("exp").GetInt64());
        Assert.Equal("ann", claims.RootElement.GetProperty("sub").GetString());
        Assert.Equal("""["a","orders/*"]""", claims.RootElement.GetProperty("topics").GetRawText());
        Assert.Equal(Jwt.Make(Decode(parts[1]), header: Decode(parts[0])), ticket);

        static string Decode(string part) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(part));
    }

    [Theory]
    [InlineData("topics:[]", 60, typeof(ArgumentException))]
    [InlineData("a/../b", 60, typeof(ArgumentException))]
    [InlineData("a", 0, typeof(ArgumentOutOfRangeException))]
    [InlineData("a", -60, typeof(ArgumentOutOfRangeException))]
    [InlineData("a", 1e12, typeof(ArgumentOutOfRangeException))]
    [InlineData("long", 60, typeof(ArgumentException))]
    public void Ticket_that_would_be_of_no_use_is_not_made(string topic, double seconds, Type error)
    {
        string[] topics = topic switch
        {
            "topics:[]" => [],
            "long" => [.. Enumerable.Range(0, 1000).Select(number => $"topic/{number}")],
            _ => [topic],
        };
        Assert.Throws(error, () => Tickets().Create(topics, TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2))));
    }

    [Fact]
    public void Ticket_needs_a_key() =>
        Assert.Throws<InvalidOperationException>(() => Tickets(new TopicOptions(), TimeProvider.System).Create(["a"], TimeSpan.FromMinutes(1)));

    [Fact]
    public async Task Keys_are_changed_without_a_gap()
    {
        const string Older = "another key of 32 bytes or more...";
        TopicTickets before = Tickets(Older);
        TopicTickets both = Tickets(TopicServer.Key, Older);
        TopicTickets after = Tickets(TopicServer.Key);
        string old = before.Create(["a"], TimeSpan.FromMinutes(1));
        string current = both.Create(["a"], TimeSpan.FromMinutes(1));
        Assert.NotNull(await both.ValidateAsync(old));
        Assert.NotNull(await both.ValidateAsync(current));
        Assert.Null(await after.ValidateAsync(old));
        Assert.NotNull(await after.ValidateAsync(current));
        Assert.Null(await before.ValidateAsync(current));
    }

    public static TheoryData<string, string> Good() => new()
    {
        { "as it is made", """{"topics":["a"],"exp":1000001,"aud":"funcsse-topics"}""" },
        { "a moment before its end", """{"topics":["a"],"exp":1000000.001,"aud":"funcsse-topics"}""" },
        { "several audiences", """{"topics":["a"],"exp":1000060,"aud":["other","funcsse-topics"]}""" },
        { "made by a clock that is 60 s ahead", """{"topics":["a"],"exp":1000090,"nbf":1000060,"iat":1000060,"aud":"funcsse-topics"}""" },
        { "other claims", """{"topics":["a"],"exp":1000060,"aud":"funcsse-topics","iss":"anyone","role":{"x":[1]}}""" },
        { "the longest lifetime", """{"topics":["a"],"iat":1000000.25,"exp":32536000,"aud":"funcsse-topics"}""" },
        { "the longest lifetime from now", """{"topics":["a"],"exp":32536000,"aud":"funcsse-topics"}""" },
    };

    [Theory]
    [MemberData(nameof(Good))]
    public async Task Ticket_that_was_made_elsewhere_opens_its_topics(string what, string claims) =>
        Assert.True(await Tickets().ValidateAsync(Jwt.Make(claims)) is { } ticket && ticket.Topics.Covers("a"), what);

    public static TheoryData<string, string> Bad()
    {
        const string Claims = """{"topics":["a"],"exp":1000060,"aud":"funcsse-topics"}""";
        string good = Jwt.Make(Claims);
        var rows = new TheoryData<string, string>
        {
            { "nothing", "" },
            { "a word", "ticket" },
            { "dots", ".." },
            { "two parts", string.Join('.', good.Split('.')[..2]) },
            { "no signature", good[..(good.LastIndexOf('.') + 1)] },
            { "five parts", $"{good}.a.b" },
            { "alg none", Jwt.Sign("""{"alg":"none"}""", Claims, _ => []) },
            { "alg None with the signature", Jwt.Make(Claims, header: """{"alg":"None","typ":"JWT"}""") },
            { "alg that is missing", Jwt.Make(Claims, header: """{"typ":"JWT"}""") },
            { "HS512 of the key", Jwt.Sign("""{"alg":"HS512"}""", Claims, text => HMACSHA512.HashData(Encoding.UTF8.GetBytes(TopicServer.Key), text)) },
            { "HS384 of the key", Jwt.Sign("""{"alg":"HS384"}""", Claims, text => HMACSHA384.HashData(Encoding.UTF8.GetBytes(TopicServer.Key), text)) },
            { "RS256", Jwt.Sign("""{"alg":"RS256"}""", Claims, SignRsa) },
            { "RS256 that HS256 has signed", Jwt.Make(Claims, header: """{"alg":"RS256"}""") },
            { "a key of its own", Jwt.Make(Claims, header: """{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"},"jku":"http://127.0.0.1/"}""", key: new string('x', 32)) },
            { "another key", Jwt.Make(Claims, key: new string('x', 32)) },
            { "an empty key", Jwt.Make(Claims, key: "") },
            { "a critical header", Jwt.Make(Claims, header: """{"alg":"HS256","crit":["b64"],"b64":false}""") },
            { "a signature in another spelling", good[..^1] + (char)(good[^1] + 1) },
            { "a signature with padding", good + "=" },
            { "space before", " " + good },
            { "huge", Jwt.Make("""{"topics":["a"],"exp":1000060,"aud":"funcsse-topics","x":"XX"}""".Replace("XX", new string('x', 10_000), StringComparison.Ordinal)) },
            { "claims that are not JSON", Jwt.Make("topics") },
            { "claims that are a list", Jwt.Make("[]") },
            { "deep claims", Jwt.Make($$"""{"topics":["a"],"exp":1000060,"aud":"funcsse-topics","x":{{new string('[', 1000)}}{{new string(']', 1000)}}}""") },
        };
        foreach ((string what, string claims) in (IEnumerable<(string, string)>)
        [
            ("no exp", """{"topics":["a"],"aud":"funcsse-topics"}"""),
            ("exp now", """{"topics":["a"],"exp":1000000,"aud":"funcsse-topics"}"""),
            ("exp a second ago", """{"topics":["a"],"exp":999999,"aud":"funcsse-topics"}"""),
            ("exp zero", """{"topics":["a"],"exp":0,"aud":"funcsse-topics"}"""),
            ("exp negative", """{"topics":["a"],"exp":-1e300,"aud":"funcsse-topics"}"""),
            ("exp after all time", """{"topics":["a"],"exp":1e300,"aud":"funcsse-topics"}"""),
            ("a lifetime of a second too long", """{"topics":["a"],"iat":1000000,"exp":32536001,"aud":"funcsse-topics"}"""),
            ("a lifetime of a second too long from now", """{"topics":["a"],"exp":32536001,"aud":"funcsse-topics"}"""),
            ("exp text", """{"topics":["a"],"exp":"1000060","aud":"funcsse-topics"}"""),
            ("exp null", """{"topics":["a"],"exp":null,"aud":"funcsse-topics"}"""),
            ("nbf in 61 s", """{"topics":["a"],"exp":1000090,"nbf":1000061,"aud":"funcsse-topics"}"""),
            ("iat in 61 s", """{"topics":["a"],"exp":1000090,"iat":1000061,"aud":"funcsse-topics"}"""),
            ("nbf text", """{"topics":["a"],"exp":1000060,"nbf":"0","aud":"funcsse-topics"}"""),
            ("no aud", """{"topics":["a"],"exp":1000060}"""),
            ("aud of another app", """{"topics":["a"],"exp":1000060,"aud":"other"}"""),
            ("aud in another case", """{"topics":["a"],"exp":1000060,"aud":"FuncSse-Topics"}"""),
            ("aud empty", """{"topics":["a"],"exp":1000060,"aud":""}"""),
            ("no topics", """{"exp":1000060,"aud":"funcsse-topics"}"""),
            ("topics text", """{"topics":"a","exp":1000060,"aud":"funcsse-topics"}"""),
            ("topics null", """{"topics":null,"exp":1000060,"aud":"funcsse-topics"}"""),
            ("topics object", """{"topics":{"a":true},"exp":1000060,"aud":"funcsse-topics"}"""),
            ("a topic that is a number", """{"topics":["a",1],"exp":1000060,"aud":"funcsse-topics"}"""),
            ("a topic that is no name", """{"topics":["a","a/../b"],"exp":1000060,"aud":"funcsse-topics"}"""),
            ("a topic of half a character", """{"topics":["a","\ud800"],"exp":1000060,"aud":"funcsse-topics"}"""),
            ("sub that is a number", """{"topics":["a"],"exp":1000060,"sub":1,"aud":"funcsse-topics"}"""),
        ])
        {
            rows.Add(what, Jwt.Make(claims));
        }

        return rows;

        static byte[] SignRsa(byte[] text)
        {
            using var rsa = RSA.Create(2048);
            return rsa.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Bad_ticket_is_none(string what, string ticket) => Assert.True(await Tickets().ValidateAsync(ticket) is null, what);

    [Fact]
    public async Task Ten_thousand_changed_tickets_open_nothing()
    {
        await using TopicServer server = await TopicServer.StartAsync(TopicServer.WithKey());
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"Seed {seed}");
        var random = new Random(seed);
        string ticket = server.Tickets.Create(["a"], TimeSpan.FromHours(1), "ann");
        string other = server.Tickets.Create(["b", "c/*"], TimeSpan.FromHours(2), "bob");
        Assert.Equal(StatusCodes.Status200OK, (await server.AnswerAsync("a", $"Bearer {ticket}")).StatusCode);
        for (int i = 0; i < 10_000; i++)
        {
            string changed = Change(ticket, other, random);
            if (changed.Trim(' ') == ticket)
            {
                continue;
            }

            int status = (await server.AnswerAsync("a", $"Bearer {changed}")).StatusCode;
            Assert.True(status is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden, $"Seed {seed}: {status} for {changed}");
            if (i % 50 == 0)
            {
                using HttpResponseMessage response = await server.HeadAsync($"topics/a?access_token={Uri.EscapeDataString(changed)}");
                Assert.True(response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, $"Seed {seed}: {response.StatusCode} for {changed}");
            }
        }
    }

    [Theory]
    [InlineData("a/*", "a/b", true)]
    [InlineData("a/*", "a/b/c", true)]
    [InlineData("a/*", "a/*", true)]
    [InlineData("a/*", "a/b/*", true)]
    [InlineData("*", "a", true)]
    [InlineData("*", "*", true)]
    [InlineData("*", "a/*", true)]
    [InlineData("a b", "a b", true)]
    [InlineData("a b/*", "b/c a", true)]
    [InlineData("a/*", "a", false)]
    [InlineData("a/*", "ab", false)]
    [InlineData("a/*", "ab/c", false)]
    [InlineData("a/*", "ab/*", false)]
    [InlineData("a/*", "*", false)]
    [InlineData("a/b/*", "a/*", false)]
    [InlineData("a", "a/*", false)]
    [InlineData("a", "*", false)]
    [InlineData("a", "A", false)]
    [InlineData("a", "a b", false)]
    [InlineData("a/b", "a/b/*", false)]
    public void Set_covers_another(string set, string other, bool covers)
    {
        Assert.Equal(covers, new TopicSet(set.Split(' ')).Covers(new TopicSet(other.Split(' '))));
        Assert.Equal(covers, new TopicSet(other.Split(' ')).Except(new TopicSet(set.Split(' '))).IsEmpty);
    }

    [Fact]
    public void Cookie_is_for_the_streams_alone_and_as_old_as_the_ticket()
    {
        TopicTickets tickets = Tickets();
        string ticket = tickets.Create(["a"], TimeSpan.FromMinutes(5));
        var http = new DefaultHttpContext();
        tickets.SetCookie(http.Response, ticket, "/api/topics");
        string end = DateTimeOffset.FromUnixTimeSeconds(Now + 300).ToString("R");
        Assert.Equal(
            $"funcsse_ticket={ticket}; expires={end}; path=/api/topics; secure; samesite=strict; httponly", http.Response.Headers.SetCookie.ToString());
        Assert.Throws<ArgumentException>(() => tickets.SetCookie(http.Response, ticket, "topics"));
        Assert.Throws<ArgumentException>(() => tickets.SetCookie(http.Response, ticket, "/; domain=example.com"));
        string large = tickets.Create(Enumerable.Range(0, 400).Select(number => $"topic/{number}"), TimeSpan.FromMinutes(5));
        Assert.Throws<ArgumentException>(() => tickets.SetCookie(http.Response, large, "/topics"));
    }

    private static TopicTickets Tickets(params string[] keys)
    {
        var time = new ManualTimeProvider();
        time.Jump(TimeSpan.FromSeconds(Now));
        return Tickets(new TopicOptions { SigningKey = keys.Length > 0 ? keys : [TopicServer.Key], MaxTicketLifetime = TimeSpan.FromDays(365) }, time);
    }

    private static TopicTickets Tickets(TopicOptions options, TimeProvider time) => new TopicNode(new MemoryEventLog(options, time), options, time).Tickets;

    private static string Change(string ticket, string other, Random random)
    {
        string[] parts = ticket.Split('.');
        string[] others = other.Split('.');
        int at = random.Next(ticket.Length);
        string claims = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1]));
        char any = (char)random.Next(' ', '\u007f');
        return random.Next(10) switch
        {
            0 => ticket[..at] + any + ticket[(at + 1)..],
            1 => ticket[..at] + ticket[(at + 1)..],
            2 => ticket[..at] + any + ticket[at..],
            3 => ticket[..at],
            4 => string.Join('.', parts.Select((part, index) => random.Next(2) == 0 ? part : others[index])),
            5 => string.Join('.', parts.Order().Concat(parts).Skip(random.Next(4)).Take(random.Next(5))),
            6 => $"{Jwt.Encode($$"""{"alg":"{{s_algorithms[random.Next(s_algorithms.Length)]}}"}""")}.{parts[1]}.{parts[2]}",
            7 => $"{parts[0]}.{Jwt.Encode(claims.Replace((char)random.Next('0', '9' + 1), any))}.{parts[2]}",
            8 => Convert.ToBase64String(RandomBytes(random.Next(300))) + "." + parts[1] + "." + parts[2],
            _ => Flip(ticket, random),
        };

        byte[] RandomBytes(int length)
        {
            byte[] bytes = new byte[length];
            random.NextBytes(bytes);
            return bytes;
        }
    }

    private static string Flip(string ticket, Random random)
    {
        char[] characters = ticket.ToCharArray();
        for (int flips = random.Next(1, 5); flips > 0; flips--)
        {
            int at = random.Next(characters.Length);
            characters[at] = char.IsLower(characters[at]) ? char.ToUpperInvariant(characters[at]) : char.ToLowerInvariant(characters[at]);
        }

        return new string(characters);
    }
}
