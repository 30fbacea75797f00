using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace FuncSse.Streaming;

/// <summary>How many streams each client has, where <see cref="SseOptions.MaxStreamsPerClient"/> limits that.</summary>
internal sealed class SseClients(SseOptions options)
{
    private const int NetworkBytes = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _streams = new(StringComparer.Ordinal);

    /// <summary>What tells the client of a request from others; <see langword="null"/> where nothing is limited.</summary>
    /// <param name="http">The request.</param>
    /// <param name="subject">Who it is, where that is known; otherwise its address counts.</param>
    public string? Name(HttpContext http, string? subject) =>
        options.MaxStreamsPerClient is null ? null : subject is null ? $"address {Network(Address(http))}" : $"subject {subject}";

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

    // Each proxy appends the address that it was called from, so what the nearest ones have written stands at the end. What stands before
    // that the client may have written itself.
    private IPAddress? Address(HttpContext http)
    {
        string[] forwarded = options.Proxies == 0 ? [] : http.Request.Headers.GetCommaSeparatedValues("X-Forwarded-For");
        return forwarded.Length >= options.Proxies && options.Proxies > 0 && IPEndPoint.TryParse(forwarded[^options.Proxies], out IPEndPoint? client)
            ? client.Address
            : http.Connection.RemoteIpAddress;
    }

    // A subscriber of IPv6 has a network of 64 bits, and any address in it (RFC 6177).
    private static IPAddress? Network(IPAddress? address)
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
