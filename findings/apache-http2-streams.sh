#!/usr/bin/env bash
# Apache's HTTP/2 in front of an app that streams: how many of 20 event streams of one connection does it serve, and how many does it announce?
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'apache2-bin=2.4.*'
read -r app proxy < <(free_ports 2)
for module in mpm_event authz_core proxy proxy_http http2; do
  echo "LoadModule ${module}_module $work/unpacked/usr/lib/apache2/modules/mod_$module.so"
done > apache.conf
cat >> apache.conf <<EOF
User $(id -un)
ServerName localhost
Listen 127.0.0.1:$proxy
PidFile $work/pid
DefaultRuntimeDir $work
ErrorLog $work/error.log
Protocols h2c
ProxyPass / http://127.0.0.1:$app/
EOF
sed -i "s/^User root$/User nobody\nGroup nogroup/" apache.conf
start apache2 -DFOREGROUND -d "$work" -f "$work/apache.conf"
cat > run.mjs <<'EOF'
import { createServer } from 'node:http';
import { connect } from 'node:http2';

const [app, proxy] = process.argv.slice(2);
createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const timer = setInterval(() => response.write('data: 1\n\n'), 200);
  response.on('close', () => clearInterval(timer));
}).listen(app, '127.0.0.1');

let session;
for (let tries = 0; ; tries++) { // Until Apache has started.
  session = connect(`http://127.0.0.1:${proxy}`);
  if (await new Promise((resolve) => session.once('remoteSettings', () => resolve(true)).once('error', () => resolve(false)))) break;
  if (tries === 100) throw new Error('Apache does not start.');
  await new Promise((resolve) => setTimeout(resolve, 100));
}
let live = 0;
for (let number = 0; number < 20; number++) session.request({ ':path': '/' }).once('data', () => live++).on('error', () => { });
await new Promise((resolve) => setTimeout(resolve, 8000));
console.log(`it announces ${session.remoteSettings.maxConcurrentStreams} streams and serves ${live} of 20`);
process.exit();
EOF
apache2 -v | sed -n 1p
expect 'it announces 100 streams and serves 6 of 20' "$(node run.mjs "$app" "$proxy")"
