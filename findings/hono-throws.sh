#!/usr/bin/env bash
# Feeds of Hono that fail after their first event, and what a client sees: one of streamSSE, and one in a stream of one's own.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages hono@4.13.19 @hono/node-server@2.1.9
cat > run.mjs <<'EOF'
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';

console.error = () => {};
const app = new Hono();
app.get('/streamSSE', (context) => streamSSE(context, async (stream) => {
  await stream.writeSSE({ data: 'one' });
  throw new Error('The model is gone.');
}));
app.get('/ReadableStream', () => new Response(ReadableStream.from((async function* () {
  yield new TextEncoder().encode('data: one\n\n');
  await new Promise((resolve) => setTimeout(resolve, 200));
  throw new Error('The model is gone.');
})()), { headers: { 'Content-Type': 'text/event-stream' } }));
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, async ({ port }) => {
  for (const path of ['streamSSE', 'ReadableStream']) {
    let text = '';
    let end = 'a clean end';
    try {
      for await (const chunk of (await fetch(`http://127.0.0.1:${port}/${path}`)).body) text += new TextDecoder().decode(chunk);
    } catch (error) {
      end = error.name;
    }
    console.log(`${path}: ${JSON.stringify(text)}, ${end}`);
  }
  process.exit();
});
EOF
expect 'streamSSE: "data: one\n\n", a clean end
ReadableStream: "data: one\n\n", TypeError' "$(timeout 60 node run.mjs)"
