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

    /// <summary>The settings are <c>Authentication__Schemes__Bearer__Authority</c> and <c>…__ValidAudiences__0</c>.</summary>
    public static IServiceCollection AddEntraTopics(this IServiceCollection services)
    {
        services.AddAuthentication().AddJwtBearer();
        services.Configure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, options =>
        {
            options.MapInboundClaims = false; // The claims keep their names, oid and scp.
            options.TokenValidationParameters.ClockSkew = TimeSpan.Zero; // A stream ends when its token does, and must not open again after it.
        });
        return services.AddSingleton<ITopicAuthorization, EntraTopics>();
    }

    public static IServiceCollection AddCookieTopics(this IServiceCollection services)
    {
        services.AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme).AddCookie();
        return services.AddSingleton<ITopicAuthorization, CookieTopics>();
    }
}
