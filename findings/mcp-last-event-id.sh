#!/usr/bin/env bash
# The client of the Model Context Protocol's SDK comes back with the id that it saw. Does it know the id after a stream without events?
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages @modelcontextprotocol/sdk@1.32.2
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const ids = [];
const event = 'retry: 50\nid: 7\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n';
const server = createServer((request, response) => {
  if (request.method === 'POST') return response.writeHead(202).end();
  ids.push(request.headers['last-event-id'] ?? 'none');
  if (ids.length === 4) {
    console.log(`Last-Event-ID of four requests: ${ids.join(', ')}`);
    process.exit();
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(ids.length === 1 ? event : ': nothing new\n\n');
}).listen(0, '127.0.0.1', async () => {
  const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${server.address().port}/`));
  await transport.start();
  await transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
});
EOF
expect 'Last-Event-ID of four requests: none, 7, none, none' "$(timeout 60 node run.mjs)"
