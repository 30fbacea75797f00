using System.Text;
using System.Text.Json;

namespace FuncSse.Tests.Samples;

/// <summary>What App Service authentication tells an app of the user whom it has signed in.</summary>
internal static class AppService
{
    public const string Header = "X-MS-CLIENT-PRINCIPAL";

    public static (string Name, string Value) User(string id) => (Header, Principal($$"""
        {
          "auth_typ": "aad", "name_typ": "name", "role_typ": "roles",
          "claims": [{ "typ": "name", "val": "Somebody" }, { "typ": "sub", "val": {{JsonSerializer.Serialize(id)}} }]
        }
        """));

    public static string Principal(string json) => Convert.ToBase64String(Encoding.UTF8.GetBytes(json));
}
