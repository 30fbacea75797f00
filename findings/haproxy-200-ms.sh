#!/usr/bin/env bash
# HAProxy in front of an app that flushes one small event every 500 ms: the shortest delay of eight, without and with http-no-delay.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'haproxy=2.6.12-*'
read -r app plain quick < <(free_ports 3)
cat > haproxy.cfg <<EOF
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend plain
    bind 127.0.0.1:$plain
    default_backend app
frontend quick
    bind 127.0.0.1:$quick
    option http-no-delay
    default_backend app
backend app
    server app 127.0.0.1:$app
EOF
start haproxy -db -f haproxy.cfg
cat > run.mjs <<'EOF'
import { createServer, get } from 'node:http';

const [app, plain, quick] = process.argv.slice(2);
createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const timer = setInterval(() => response.write(`data: ${Date.now()}\n\n`), 500);
  response.on('close', () => clearInterval(timer));
}).listen(app, '127.0.0.1');

const ask = (port) => new Promise((resolve, reject) => {
  const delays = [];
  const call = get({ host: '127.0.0.1', port }, (response) => response.setEncoding('utf8').on('data', (event) => {
    delays.push(Date.now() - Number(event.slice(6)));
    if (delays.length < 8) return;
    call.destroy();
    resolve(Math.min(...delays) < 150 ? 'at once' : Math.min(...delays) < 300 ? 'each at least 150 ms late' : `${Math.min(...delays)} ms late`);
  })).on('error', reject);
});

for (let tries = 0; ; tries++) { // Until HAProxy has started.
  try { await ask(plain); break; } catch (error) { if (tries === 100) throw error; await new Promise((resolve) => setTimeout(resolve, 100)); }
}
console.log(`without a proxy: ${await ask(app)}\nHAProxy: ${await ask(plain)}\nHAProxy with http-no-delay: ${await ask(quick)}`);
process.exit();
EOF
haproxy -v | sed -n 1p
expect 'without a proxy: at once
HAProxy: each at least 150 ms late
HAProxy with http-no-delay: at once' "$(node run.mjs "$app" "$plain" "$quick")"
