#!/usr/bin/env bash
# @google/genai reads the same valid answer with an id in front of the data, with one after it, and without one.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages @google/genai@2.32.0
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import { GoogleGenAI } from '@google/genai';

const data = JSON.stringify({ candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] } }] });
const blocks = { 'no id': `data: ${data}`, 'id first': `id: 1\ndata: ${data}`, 'type first': `event: message\ndata: ${data}`, 'id last': `data: ${data}\nid: 1` };
for (const [name, block] of Object.entries(blocks)) {
  const server = createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`${block}\n\n`)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: `http://127.0.0.1:${server.address().port}` } });
  try {
    const texts = [];
    for await (const part of await client.models.generateContentStream({ model: 'm', contents: 'x' })) texts.push(part.text);
    console.log(`${name}: ${texts.length ? texts.join() : 'an empty answer, and no error'}`);
  } catch (error) {
    console.log(`${name}: ${error.name}`);
  }
  server.close();
}
EOF
expect 'no id: hello
id first: an empty answer, and no error
type first: an empty answer, and no error
id last: SyntaxError' "$(node run.mjs)"
