#!/usr/bin/env bash
# launchdarkly-eventsource without options, on a stream that is silent for eight seconds.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages launchdarkly-eventsource@2.2.0
cat > run.mjs <<'EOF'
import { Agent, createServer } from 'node:http';
import EventSources from 'launchdarkly-eventsource';

for (const [name, options] of Object.entries({ 'no options': {}, 'an agent of its own': { agent: new Agent() } })) {
  const server = createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const source = new EventSources.EventSource(`http://127.0.0.1:${server.address().port}/`, options);
  const since = Date.now();
  const end = await new Promise((resolve) => {
    source.onerror = (error) => resolve(`${error.message}, after ${Math.round((Date.now() - since) / 1000)} s`);
    setTimeout(() => resolve('still open after 8 s'), 8000);
  });
  console.log(`${name}: ${end}`);
  source.close();
  server.closeAllConnections();
  server.close();
}
process.exit();
EOF
expect 'no options: Read timeout, received no data in undefinedms, assuming connection is dead, after 5 s
an agent of its own: still open after 8 s' "$(node run.mjs)"
