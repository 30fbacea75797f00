using System.Data.Common;
using System.Reflection;
using System.Runtime.CompilerServices;
using Azure.Core;
using Azure.Identity;
using Azure.Monitor.OpenTelemetry.Exporter;
using FuncSse.Streaming;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace FuncSse.Endpoints;

/// <summary>
/// Exports the metrics of the streams if one of the usual variables of OpenTelemetry or Application Insights says so. Without them no assembly of
/// OpenTelemetry is loaded. Traces and logs stay with the Functions host, so the worker's own OpenTelemetry package, which takes them over, is not
/// used.
/// </summary>
internal static class MetricsExport
{
    private const string AzureMonitor = "APPLICATIONINSIGHTS_CONNECTION_STRING";
    private const string Otlp = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddMetricsExport(this IServiceCollection services, IConfiguration configuration)
    {
        if (!string.IsNullOrEmpty(configuration[AzureMonitor]) || !string.IsNullOrEmpty(configuration[Otlp]))
        {
            Add(services, configuration);
        }
    }

    /// <summary>How the app signs in where Application Insights refuses connection strings alone.</summary>
    /// <param name="authentication">
    /// As the Functions host reads it: <c>Authorization=AAD</c>, with <c>ClientId=…</c> for a user-assigned identity.
    /// </param>
    /// <returns><see langword="null"/> where the connection string is enough.</returns>
    internal static TokenCredential? Credential(string? authentication)
    {
        var parts = new DbConnectionStringBuilder { ConnectionString = authentication };
        if (!parts.TryGetValue("Authorization", out object? scheme) || !"AAD".Equals(scheme as string, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        return new ManagedIdentityCredential(parts.TryGetValue("ClientId", out object? id)
            ? ManagedIdentityId.FromUserAssignedClientId((string)id)
            : ManagedIdentityId.SystemAssigned);
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // If it were inlined, its caller would load the assemblies.
    private static void Add(IServiceCollection services, IConfiguration configuration) => services.AddOpenTelemetry()
        .ConfigureResource(resource => resource
            .AddService(configuration["WEBSITE_SITE_NAME"] ?? Assembly.GetEntryAssembly()!.GetName().Name!)
            .AddEnvironmentVariableDetector()) // It is added again, so that OTEL_SERVICE_NAME wins.
        .WithMetrics(metrics =>
        {
            metrics.AddMeter(SseMeter.Name);
            if (configuration[AzureMonitor] is { Length: > 0 } connection)
            {
                metrics.AddAzureMonitorMetricExporter(exporter =>
                {
                    exporter.ConnectionString = connection;
                    exporter.Credential = Credential(configuration["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]);
                });
            }

            if (!string.IsNullOrEmpty(configuration[Otlp]))
            {
                metrics.AddOtlpExporter(exporter =>
                {
                    // The last export comes after the last stream has ended, and Azure Functions kills a worker 5 s after it was told to stop.
                    if (string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_TIMEOUT"]))
                    {
                        exporter.TimeoutMilliseconds = 1_500;
                    }
                });
            }
        });
}
