#!/usr/bin/env bash
# The openai library for Node on an answer with a comment, or with a block that has only a type, between two parts. Neither is an event by the standard.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages openai@7.59.0
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import OpenAI from 'openai';

console.error = () => {};
const part = (content, finish_reason = null) =>
  `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
for (const [name, heartbeat] of Object.entries({ 'none': '', ': ping': ': ping\n\n', 'event: ping': 'event: ping\n\n' })) {
  const body = `${part('hello')}${heartbeat}${part(' world', 'stop')}data: [DONE]\n\n`;
  const server = createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(body)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = new OpenAI({ apiKey: 'none', baseURL: `http://127.0.0.1:${server.address().port}`, maxRetries: 0 });
  let text = '';
  let end = 'no error';
  try {
    for await (const { choices } of await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true })) text += choices[0].delta.content;
  } catch (error) {
    end = error.name;
  }
  console.log(`${name}: ${text}, ${end}`);
  server.close();
}
process.exit();
EOF
expect 'none: hello world, no error
: ping: hello world, no error
event: ping: hello, SyntaxError' "$(timeout 60 node run.mjs)"
