#!/usr/bin/env bash
# AG-UI's client on the same run with each of the line ends LF and CRLF.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages @ag-ui/client@1.0.0
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import { HttpAgent } from '@ag-ui/client';

console.error = () => {};
const run = { threadId: 't', runId: 'r' };
const events = [
  { type: 'RUN_STARTED', ...run },
  { type: 'TEXT_MESSAGE_START', messageId: 'm', role: 'assistant' },
  { type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'hello' },
  { type: 'TEXT_MESSAGE_END', messageId: 'm' },
  { type: 'RUN_FINISHED', ...run },
];
for (const [name, end] of [['LF', '\n'], ['CRLF', '\r\n']]) {
  const body = events.map((event) => `data: ${JSON.stringify(event)}${end}${end}`).join('');
  const server = createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(body)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const { newMessages } = await new HttpAgent({ url: `http://127.0.0.1:${server.address().port}/` }).runAgent();
    console.log(`${name}: ${newMessages.map(({ content }) => content).join()}`);
  } catch (error) {
    console.log(`${name}: ${error.name}`);
  }
  server.close();
}
EOF
expect 'LF: hello
CRLF: SyntaxError' "$(timeout 60 node run.mjs)"
