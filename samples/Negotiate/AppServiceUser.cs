using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Negotiate;

/// <summary>
/// Who App Service authentication has signed in. Its front end sets the header, and removes one that a client has sent. Without it any
/// client can send the header: trust it only where App Service authentication is switched on.
/// </summary>
public static class AppServiceUser
{
    private static readonly string[] s_ids =
    [
        "http://schemas.microsoft.com/identity/claims/objectidentifier", // Entra ID: the same in all apps, and never used again.
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
        "sub",
    ];

    /// <summary>The id of the user, which can be a part of a topic's name; <see langword="null"/> for nobody.</summary>
    public static string? Find(HttpRequest request)
    {
        try
        {
            byte[] header = Convert.FromBase64String(request.Headers["X-MS-CLIENT-PRINCIPAL"].ToString());
            using JsonDocument principal = JsonDocument.Parse(header);
            ILookup<string?, string?> claims = principal.RootElement.GetProperty("claims").EnumerateArray()
                .ToLookup(claim => claim.GetProperty("typ").GetString(), claim => claim.GetProperty("val").GetString());
            return Users.Id(s_ids.SelectMany(id => claims[id]).FirstOrDefault());
        }
        catch (Exception broken) when (broken is FormatException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
