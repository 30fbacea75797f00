using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>Counts the streams of each client, if <see cref="SseOptions.MaxStreamsPerClient"/> limits them.</summary>
internal sealed class ClientLimiter(SseOptions options)
{
    private const int NetworkBytes = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _streams = new(StringComparer.Ordinal);

    /// <summary>What distinguishes the client of a request from others; <see langword="null"/> if there is no limit.</summary>
    /// <param name="http">The request.</param>
    /// <param name="subject">Who the client is, if that is known; otherwise its address counts.</param>
    public string? GetKey(HttpContext http, string? subject) =>
        options.MaxStreamsPerClient is null ? null : subject is null ? $"address {GetNetwork(GetAddress(http))}" : $"subject {subject}";

    public bool TryEnter(string? client)
    {
        if (client is null)
        {
            return true;
        }

        lock (_gate)
        {
            int streams = _streams.GetValueOrDefault(client);
            if (streams >= options.MaxStreamsPerClient)
            {
                return false;
            }

            _streams[client] = streams + 1;
            return true;
        }
    }

    public void Leave(string? client)
    {
        if (client is null)
        {
            return;
        }

        lock (_gate)
        {
            if (--_streams[client] == 0)
            {
                _streams.Remove(client);
            }
        }
    }

    // Each proxy appends the address that it was called from, so the entries of the nearest proxies are the last ones. The client may have
    // written the entries before them.
    private IPAddress? GetAddress(HttpContext http)
    {
        if (options.ClientHeader is { } header)
        {
            return IPEndPoint.TryParse(http.Request.Headers[header].ToString(), out IPEndPoint? named) ? named.Address : http.Connection.RemoteIpAddress;
        }

        string[] forwarded = options.Proxies == 0 ? [] : http.Request.Headers.GetCommaSeparatedValues("X-Forwarded-For");
        return forwarded.Length >= options.Proxies && options.Proxies > 0 && IPEndPoint.TryParse(forwarded[^options.Proxies], out IPEndPoint? client)
            ? client.Address
            : http.Connection.RemoteIpAddress;
    }

    // An IPv6 subscriber has a network of 64 bits at least, and can use any address in it (RFC 6177).
    private static IPAddress? GetNetwork(IPAddress? address)
    {
        if (address is not { AddressFamily: AddressFamily.InterNetworkV6 })
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        byte[] bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return new IPAddress(bytes);
    }
}
