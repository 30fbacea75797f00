#!/usr/bin/env bash
# An app that ends the connection in the middle of a chunked answer, without a proxy and behind Caddy.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'caddy=2.6.2-*'
read -r app proxy < <(free_ports 2)
printf '{\n\tadmin off\n\tauto_https off\n}\nhttp://localhost:%s {\n\treverse_proxy 127.0.0.1:%s\n}\n' "$proxy" "$app" > Caddyfile
HOME=$work start caddy run --adapter caddyfile --config Caddyfile
cat > run.mjs <<'EOF'
import { createServer, get } from 'node:http';

const [app, proxy] = process.argv.slice(2);
createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
  setTimeout(() => response.socket.destroy(), 300);
}).listen(app, '127.0.0.1');

const ask = (port) => new Promise((resolve, reject) => get({ host: 'localhost', family: 4, port, path: '/' }, (response) => {
  response.on('end', () => resolve('a complete answer')).on('error', () => resolve('an error')).resume();
}).on('error', reject));

for (let tries = 0; ; tries++) { // Until Caddy has started.
  try { await ask(proxy); break; } catch (error) { if (tries === 100) throw error; await new Promise((resolve) => setTimeout(resolve, 100)); }
}
console.log(`without a proxy: ${await ask(app)}\nbehind Caddy: ${await ask(proxy)}`);
process.exit();
EOF
caddy version
expect 'without a proxy: an error
behind Caddy: a complete answer' "$(node run.mjs "$app" "$proxy")"
