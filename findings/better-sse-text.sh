#!/usr/bin/env bash
# better-sse with a serializer that leaves texts as they are, instead of JSON, and the words of an answer with the space in front of them.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages better-sse@0.16.1 eventsource@5.1.5
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import { createSession } from 'better-sse';
import { EventSource } from 'eventsource';

const words = ['The', ' sky', ' is', ' blue'];
for (const [name, options] of [['JSON', {}], ['text', { serializer: (text) => text }]]) {
  const server = createServer(async (request, response) => {
    const session = await createSession(request, response, options);
    for (const word of words) session.push(word);
    response.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const source = new EventSource(`http://127.0.0.1:${server.address().port}/`);
  let text = '';
  source.onmessage = ({ data }) => { text += name === 'JSON' ? JSON.parse(data) : data; };
  await new Promise((resolve) => { source.onerror = resolve; });
  source.close();
  console.log(`${name}: ${text}`);
}
process.exit();
EOF
expect 'JSON: The sky is blue
text: Theskyisblue' "$(timeout 60 node run.mjs)"
