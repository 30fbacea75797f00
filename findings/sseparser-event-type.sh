#!/usr/bin/env bash
# SseParser of System.Net.ServerSentEvents on a block that has a type and no data, such as a heartbeat, in front of a message.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
cat > Program.cs <<'EOF'
using System.Net.ServerSentEvents;

Stream stream = new MemoryStream("event: ping\n\ndata: hello\n\n"u8.ToArray());
foreach (SseItem<string> item in SseParser.Create(stream).Enumerate())
{
    Console.WriteLine($"an event of the type '{item.EventType}' with '{item.Data}'");
}
EOF
dotnet_program Microsoft.NET.Sdk System.Net.ServerSentEvents 11.0.0
expect "an event of the type 'ping' with 'hello'" "$(dotnet out/finding.dll)"
