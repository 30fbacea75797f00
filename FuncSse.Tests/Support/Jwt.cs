using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace FuncSse.Tests.Topics;

/// <summary>Makes JWTs by hand, as RFC 7515 says, and without the code that is tested.</summary>
internal static class Jwt
{
    public const string Header = """{"alg":"HS256","typ":"JWT"}""";

    public static string Make(string claims, string key = TopicServer.Key, string header = Header) =>
        Sign(header, claims, text => HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), text));

    public static string Sign(string header, string claims, Func<byte[], byte[]> sign)
    {
        string text = $"{Encode(header)}.{Encode(claims)}";
        return $"{text}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(text)))}";
    }

    public static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
