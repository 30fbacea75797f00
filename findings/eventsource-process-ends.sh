#!/usr/bin/env bash
# npm eventsource in a process that has nothing else to do, when the stream ends and the client waits to come back.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages eventsource@5.1.5
cat > client.mjs <<'EOF'
import { EventSource } from 'eventsource';

const source = new EventSource(process.argv[2]);
source.onmessage = ({ data }) => console.log(`event ${data}`);
process.on('exit', (code) => console.log(`The process ends with ${code}, readyState is ${source.readyState} (CONNECTING is 0).`));
EOF
cat > run.mjs <<'EOF'
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

let requests = 0;
const server = createServer((request, response) =>
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`retry: 500\ndata: ${++requests}\n\n`)).listen(0, '127.0.0.1', () => {
  const client = spawn('node', ['client.mjs', `http://127.0.0.1:${server.address().port}/`], { stdio: 'inherit' });
  setTimeout(() => client.kill(), 10000);
  client.on('close', () => server.close());
});
EOF
expect 'event 1
The process ends with 0, readyState is 0 (CONNECTING is 0).' "$(node run.mjs)"
