#!/usr/bin/env bash
# From where may a reader resume that uses SseParser? The events 1, 1 (a second one without an id), then an event 2 that is cut.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
cat > Program.cs <<'EOF'
using System.Net.ServerSentEvents;

Stream stream = new MemoryStream("id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c"u8.ToArray());
SseParser<string> parser = SseParser.Create(stream);
foreach (SseItem<string> item in parser.Enumerate())
{
    Console.WriteLine($"{item.Data}: EventId {item.EventId ?? "null"}, LastEventId {parser.LastEventId}");
}

Console.WriteLine($"the end: LastEventId {parser.LastEventId}");
EOF
dotnet_program Microsoft.NET.Sdk System.Net.ServerSentEvents 11.0.0
expect 'a: EventId 1, LastEventId 1
b: EventId null, LastEventId 1
the end: LastEventId 2' "$(dotnet out/finding.dll)"
