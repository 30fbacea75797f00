#!/usr/bin/env bash
# Three events whose lines end with CR, one of the three line ends that the standard allows, one after another into eventsource-parser.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
npm_packages eventsource-parser@3.1.1
cat > run.mjs <<'EOF'
import { createParser } from 'eventsource-parser';

for (const [name, end] of Object.entries({ LF: '\n', CRLF: '\r\n', CR: '\r' })) {
  const seen = [];
  const parser = createParser({ onEvent: ({ data }) => seen.push(data) });
  const after = [1, 2, 3].map((number) => {
    parser.feed(`data: ${number}${end}${end}`);
    return seen.at(-1) ?? 'none';
  });
  console.log(`${name}: the newest event after each block: ${after.join(', ')}`);
}
EOF
expect 'LF: the newest event after each block: 1, 2, 3
CRLF: the newest event after each block: 1, 2, 3
CR: the newest event after each block: none, 1, 2' "$(node run.mjs)"
