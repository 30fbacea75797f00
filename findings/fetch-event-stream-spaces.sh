#!/usr/bin/env bash
# The words of an answer as a model gives them, each with the space in front of it, read with fetch-event-stream.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages eventsource-parser@3.1.1 fetch-event-stream@0.1.6
cat > run.mjs <<'EOF'
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { events } from 'fetch-event-stream';

const answer = () => new Response(['The', ' sky', ' is', ' blue'].map((word) => `data: ${word}\n\n`).join(''), { headers: { 'Content-Type': 'text/event-stream' } });
async function text(all) {
  let text = '';
  for await (const { data } of all) text += data;
  return text;
}
console.log(`eventsource-parser: ${await text(answer().body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()))}`);
console.log(`fetch-event-stream: ${await text(events(answer()))}`);
EOF
expect 'eventsource-parser: The sky is blue
fetch-event-stream: Theskyisblue' "$(node run.mjs)"
