using FuncSse.Topics;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection;

namespace Negotiate.Rules;

/// <summary>Each rule with what it needs.</summary>
public static class RuleServiceCollectionExtensions
{
    public static IServiceCollection AddAppServiceTopics(this IServiceCollection services) =>
        services.AddSingleton<ITopicAuthorization, AppServiceTopics>();

    /// <summary>
    /// The settings are <c>Authentication__Schemes__Bearer__Authority</c>, <c>https://login.microsoftonline.com/TENANT/v2.0</c>, and
    /// <c>Authentication__Schemes__Bearer__ValidAudiences__0</c>, the id of your app.
    /// </summary>
    public static IServiceCollection AddEntraTopics(this IServiceCollection services)
    {
        services.AddAuthentication().AddJwtBearer();
        services.Configure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, options =>
        {
            options.MapInboundClaims = false; // The claims keep their names, oid and scp.
            options.TokenValidationParameters.ClockSkew = TimeSpan.Zero; // A stream ends with its token and must not open again.
        });
        return services.AddSingleton<ITopicAuthorization, EntraTopics>();
    }

    public static IServiceCollection AddCookieTopics(this IServiceCollection services)
    {
        services.AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme).AddCookie();
        return services.AddSingleton<ITopicAuthorization, CookieTopics>();
    }
}
