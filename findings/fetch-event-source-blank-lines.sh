#!/usr/bin/env bash
# One event whose text begins with two line feeds, as a paragraph of an answer does, and how clients hand it out.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages eventsource@5.1.5 @microsoft/fetch-event-source@2.0.1 extended-eventsource@2.1.0 fetch-event-stream@0.1.6
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import { fetchEventSource } from '@microsoft/fetch-event-source';
import { EventSource } from 'eventsource';
import { EventSource as ExtendedEventSource } from 'extended-eventsource';
import { stream } from 'fetch-event-stream';

// All that fetch-event-source needs of a browser.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const server = createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data:\ndata:\ndata: Hello\n\n')).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const url = `http://127.0.0.1:${server.address().port}/`;
const first = (source) => new Promise((resolve) => { source.onmessage = ({ data }) => { source.close(); resolve(data); }; });
const show = (name, data) => console.log(`${name}: ${JSON.stringify(data)}`);

show('eventsource', await first(new EventSource(url)));
await fetchEventSource(url, { openWhenHidden: true, onmessage: ({ data }) => show('@microsoft/fetch-event-source', data) });
show('extended-eventsource', await first(new ExtendedEventSource(url, { disableLogger: true })));
for await (const { data } of await stream(url)) show('fetch-event-stream', data);
process.exit();
EOF
expect 'eventsource: "\n\nHello"
@microsoft/fetch-event-source: "Hello"
extended-eventsource: "Hello"
fetch-event-stream: "Hello"' "$(timeout 60 node run.mjs)"
