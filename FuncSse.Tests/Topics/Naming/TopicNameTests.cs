using FuncSse.Topics;

namespace FuncSse.Tests.Topics;

/// <summary>Names, patterns, and the types of events.</summary>
[Trait("Category", "Fast")]
public sealed class TopicNameTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData("orders/eu-west_1.~:@,/9", true)]
    [InlineData("", false)]
    [InlineData("/a", false)]
    [InlineData("a/", false)]
    [InlineData("a//b", false)]
    [InlineData(".", false)]
    [InlineData("a/../b", false)]
    [InlineData("a/./b", false)]
    [InlineData("a/...", true)]
    [InlineData("auth0|5f7c", true)]
    [InlineData("name+tag@example.com", true)]
    [InlineData("-._~!$&'()+,;=:@|", true)]
    [InlineData("$own", false)]
    [InlineData("a/$b", true)]
    [InlineData("CONTOSO\\user", false)]
    [InlineData("a b", false)]
    [InlineData("é", false)]
    [InlineData("a%2Fb", false)]
    [InlineData("a*", false)]
    [InlineData("orders/*", false)]
    [InlineData("a?", false)]
    [InlineData(null, false)]
    public void Name_is_valid_or_not(string? name, bool isValid) => Assert.Equal(isValid, TopicName.IsValid(name));

    [Theory]
    [InlineData("", "~")]
    [InlineData("~", "~7E")]
    [InlineData(".", "~2E")]
    [InlineData("..", "~2E~2E")]
    [InlineData("...", "...")]
    [InlineData("a.B-9_", "a.B-9_")]
    [InlineData("auth0|5f7c", "auth0~7C5f7c")]
    [InlineData("CONTOSO\\user", "CONTOSO~5Cuser")]
    [InlineData("name+tag@example.com", "name~2Btag~40example.com")]
    [InlineData("a/b*c", "a~2Fb~2Ac")]
    [InlineData("$é 😀\n", "~24~C3~A9~20~F0~9F~98~80~0A")]
    public void Any_text_becomes_a_segment_and_comes_back(string text, string segment)
    {
        Assert.Equal(segment, TopicName.Escape(text));
        Assert.Equal(text, TopicName.Unescape(segment));
        Assert.True(TopicName.IsValid($"users/{segment}/x") && TopicName.IsValid(segment));
    }

    // An attribute cannot carry such a text.
    [Fact]
    public void Half_a_surrogate_pair_has_no_segment() =>
        Assert.All(["\ud800", "a\udc00b"], text => Assert.ThrowsAny<ArgumentException>(() => TopicName.Escape(text)));

    [Theory]
    [InlineData("")]
    [InlineData("~7")]
    [InlineData("~7e")]
    [InlineData("~41")]
    [InlineData("a~")]
    [InlineData("~FF")]
    [InlineData("a/b")]
    [InlineData("é")]
    [InlineData(".")]
    public void Segment_that_was_not_escaped_is_refused(string segment) => Assert.Throws<FormatException>(() => TopicName.Unescape(segment));

    [Theory]
    [InlineData(256, true)]
    [InlineData(257, false)]
    public void Name_has_256_characters_at_most(int length, bool isValid) => Assert.Equal(isValid, TopicName.IsValid(new string('a', length)));

    [Theory]
    [InlineData("a", true)]
    [InlineData("*", true)]
    [InlineData("orders/*", true)]
    [InlineData("orders/eu/*", true)]
    [InlineData("orders*", false)]
    [InlineData("orders/*/x", false)]
    [InlineData("/*", false)]
    [InlineData("**", false)]
    [InlineData("../*", false)]
    public void Pattern_is_valid_or_not(string pattern, bool isValid) => Assert.Equal(isValid, TopicName.IsValidToSubscribe(pattern));

    [Theory]
    [InlineData("a/*", "a/b", true)]
    [InlineData("a/*", "a/b/c", true)]
    [InlineData("a/*", "a", false)]
    [InlineData("a/*", "ab/c", false)]
    [InlineData("a/b/*", "a/b/c", true)]
    [InlineData("a/b/*", "a/c", false)]
    [InlineData("*", "a", true)]
    [InlineData("a", "a", true)]
    [InlineData("a", "A", false)]
    [InlineData("a b/*", "b/x", true)]
    [InlineData("a b/*", "b", false)]
    public void Set_covers_a_name_or_not(string topics, string name, bool isCovered) =>
        Assert.Equal(isCovered, new TopicSet(topics.Split(' ')).Covers(name));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("message")]
    public void Default_type_is_none(string? type) => Assert.Null(EventType.Normalize(type));

    [Theory]
    [InlineData("position")]
    [InlineData("reset")]
    [InlineData("expired")]
    [InlineData("keep-alive")]
    [InlineData("error")]
    [InlineData("open")]
    [InlineData("a\nb")]
    [InlineData("a\u0000")]
    [InlineData("a\u0085")]
    [InlineData(" a")]
    [InlineData("a ")]
    public void Type_is_refused(string type) => Assert.Throws<ArgumentException>(() => EventType.Normalize(type));

    [Fact]
    public void Half_of_a_surrogate_pair_is_no_type() => Assert.Throws<ArgumentException>(() => EventType.Normalize("a\uD800"));

    [Fact]
    public void Type_beyond_ASCII_is_taken() => Assert.Equal("geändert", EventType.Normalize("geändert"));
}
