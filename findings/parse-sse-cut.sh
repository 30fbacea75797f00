#!/usr/bin/env bash
# An answer without a length whose connection ends within its second event, read with parse-sse.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages parse-sse@0.1.0
cat > run.mjs <<'EOF'
import { createServer } from 'node:net';
import { parseServerSentEvents } from 'parse-sse';

const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n';
createServer((socket) => socket.once('data', () => socket.end(`${head}id: 1\ndata: {"price":10}\n\nid: 2\ndata: 12`))).listen(0, '127.0.0.1', async function () {
  for await (const { lastEventId, data } of parseServerSentEvents(await fetch(`http://127.0.0.1:${this.address().port}/`))) console.log(`id ${lastEventId}: ${data}`);
  process.exit();
});
EOF
expect 'id 1: {"price":10}
id 2: 12' "$(timeout 60 node run.mjs)"
