#!/usr/bin/env bash
# Symfony's EventSourceHttpClient (PHP) after a stream that ends well, after one that breaks off, and after the 204 that tells a client to stop.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'php8.2-cli=8.2.*' 'php-symfony-http-client=5.4.*'
cat > client.php <<'EOF'
<?php
require 'Symfony/Component/HttpClient/autoload.php';

$client = new Symfony\Component\HttpClient\EventSourceHttpClient(new Symfony\Component\HttpClient\NativeHttpClient(), 0.2);
$source = $client->connect($argv[1]);
try {
    for ($tries = 0; $tries < 20; $tries++) {
        foreach ($client->stream($source, 1) as $chunk) {
            if (!$chunk->isTimeout() && $chunk->isLast()) exit('the stream is over');
        }
    }
    echo 'still there';
} catch (Exception $exception) {
    echo explode(' for ', $exception->getMessage())[0];
}
EOF
cat > run.mjs <<'EOF'
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';

for (const end of ['a clean end', 'a break']) {
  const ids = [];
  const server = createServer((request, response) => {
    ids.push(request.headers['last-event-id'] ?? 'none');
    if (ids.length === 3) return response.writeHead(204).end();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`id: ${ids.length}\ndata: x\n\n`);
    setTimeout(() => end === 'a break' ? response.socket.destroy() : response.end(), 200);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const args = ['-d', 'include_path=unpacked/usr/share/php', 'client.php', `http://127.0.0.1:${server.address().port}/`];
  const said = await new Promise((resolve) => execFile('php8.2', args, (error, output) => resolve(output.trim())));
  console.log(`${end}: requests with the ids ${ids.join(', ')}${ids.length === 3 ? ' and an answer with 204' : ''}, then: ${said}`);
  server.close();
}
EOF
php8.2 --version | sed -n 1p
expect 'a clean end: requests with the ids none, then: the stream is over
a break: requests with the ids none, 1, 2 and an answer with 204, then: Response content-type is "" while "text/event-stream" was expected' "$(node run.mjs)"
