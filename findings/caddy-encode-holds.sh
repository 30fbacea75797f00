#!/usr/bin/env bash
# Caddy with "encode gzip" in front of a stream that flushes ten events, after a first comment of 100 and of 600 bytes.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'caddy=2.6.2-*'
read -r app proxy < <(free_ports 2)
printf '{\n\tadmin off\n\tauto_https off\n}\nhttp://localhost:%s {\n\tencode gzip\n\treverse_proxy 127.0.0.1:%s\n}\n' "$proxy" "$app" > Caddyfile
HOME=$work start caddy run --adapter caddyfile --config Caddyfile
cat > run.mjs <<'EOF'
import { createServer, get } from 'node:http';

const [app, proxy] = process.argv.slice(2);
const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`:${'x'.repeat(request.url.slice(1) - 3)}\n\n`);
  let events = 0;
  const timer = setInterval(() => response.write(`data: ${++events}\n\n`) && events === 10 && (clearInterval(timer), response.end()), 300);
}).listen(app, '127.0.0.1');

async function ask(size) {
  return new Promise((resolve, reject) => get({ host: 'localhost', family: 4, port: proxy, path: `/${size}`, headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
    let bytes = 0;
    response.on('data', (chunk) => { bytes += chunk.length; });
    // What has come after two of the three seconds; ten bytes are the header of gzip.
    let early = 0;
    setTimeout(() => { early = bytes; }, 2000);
    response.on('end', () => resolve(`${response.headers['content-encoding'] ?? 'not compressed'}, ${early > 10 ? 'live' : 'nothing until the end'}`));
  }).on('error', reject));
}

for (let tries = 0; ; tries++) { // Until Caddy has started.
  try { await ask(100); break; } catch (error) { if (tries === 100) throw error; await new Promise((resolve) => setTimeout(resolve, 100)); }
}
for (const size of [100, 600]) console.log(`first write of ${size} bytes: ${await ask(size)}`);
server.close();
process.exit();
EOF
caddy version
expect 'first write of 100 bytes: not compressed, live
first write of 600 bytes: gzip, nothing until the end' "$(node run.mjs "$app" "$proxy")"
