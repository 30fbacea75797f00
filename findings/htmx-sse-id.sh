#!/usr/bin/env bash
# htmx' SSE extension after a 503, in Chromium: does it come back, and does it send the id of the last event? It needs chromium.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages htmx.org@2.0.8 htmx-ext-sse@2.2.4
cat > run.mjs <<'EOF'
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const page = `<!doctype html><script src="/htmx.org/dist/htmx.js"></script><script src="/htmx-ext-sse/dist/sse.js"></script>
<div hx-ext="sse" sse-connect="/events" sse-swap="message"></div>`;
const seen = [];
let browser;
function end() {
  console.log(seen.join('\n'));
  browser.once('close', () => process.exit()).kill();
}
const server = createServer((request, response) => {
  if (request.url === '/') return response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
  if (request.url.endsWith('.js')) return response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(readFileSync(`node_modules${request.url}`));
  if (request.url !== '/events') return response.writeHead(404).end();
  const status = seen.length === 1 ? 503 : 200;
  seen.push(`Last-Event-ID ${request.headers['last-event-id'] ?? 'none'}, answered with ${status}`);
  response.writeHead(status, { 'Content-Type': 'text/event-stream' }).end(`retry: 100\nid: ${seen.length}\ndata: x\n\n`);
  if (seen.length === 3) end();
}).listen(0, '127.0.0.1', () => {
  browser = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--user-data-dir=profile', `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore' });
});
setTimeout(end, 60000);
EOF
chromium --version
expect 'Last-Event-ID none, answered with 200
Last-Event-ID 1, answered with 503
Last-Event-ID none, answered with 200' "$(node run.mjs)"
