// Starts each reverse proxy with its file of this folder in front of the self-host, and checks what docs/proxies.md says of it:
//     node docs/proxies/check.mjs [NAME...]
// It needs the Debian packages of the proxies (a missing one is skipped), OpenSSL and the .NET SDK, and takes three minutes.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { open, openOverHttp2, reconnecting } from './client.mjs';
import { freePort, start, stop, until } from './processes.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, '../..');
const limit = 20; // Sse:MaxStreamsPerClient; HTTP/2 is checked with as many streams
const silence = 75000; // ms: most proxies cut a silent response after 60 s
const key = 'check';

// What docs/proxies.md says: live streams of 20 over HTTP/2, gzip, a client that leaves is noticed at once, an EventSource is held
// while the app restarts, a broken answer is broken for the client.
const proxies = {
  nginx: { file: 'nginx.conf', run: ['nginx', '-p', '.', '-c', 'nginx.conf'], version: '-v', http2: 20, gzip: true, leaves: true, holds: true, broken: true },
  HAProxy: { file: 'haproxy.cfg', run: ['haproxy', '-db', '-f', 'haproxy.cfg'], version: '-v', http2: 20, leaves: true, holds: true, broken: true },
  Apache: { file: 'apache.conf', run: ['apache2', '-DFOREGROUND', '-d', '.', '-f', 'apache.conf'], version: '-v', gzip: true, broken: true },
  Varnish: { file: 'varnish.vcl', run: ['varnishd', '-F', '-n', '.', '-a', '127.0.0.1:8080', '-f', '$PWD/varnish.vcl', '-s', 'malloc,16m'], version: '-V', leaves: true, holds: true, broken: true },
  lighttpd: { file: 'lighttpd.conf', run: ['lighttpd', '-D', '-f', 'lighttpd.conf'], version: '-v', http2: 8, broken: true },
  Caddy: { file: 'Caddyfile', run: ['caddy', 'run', '--adapter', 'caddyfile', '--config', 'Caddyfile'], version: 'version', http2: 20, leaves: true, holds: true },
  h2o: { file: 'h2o.conf', run: ['h2o', '-c', 'h2o.conf'], version: '-v', http2: 20 },
  nghttpx: { file: 'nghttpx.conf', run: ['nghttpx', '--conf=nghttpx.conf'], version: '-v', http2: 20, leaves: true, broken: true },
  squid: { file: 'squid.conf', run: ['squid', '-N', '-f', 'squid.conf'], version: '-v', leaves: true, broken: true },
};

let restarts = Promise.resolve();

async function check(name, { file, run, ...claims }) {
  const work = mkdtempSync(join(tmpdir(), 'proxy-'));
  chmodSync(work, 0o755); // Some of them give up root's rights.
  const [app, plain, tls] = [await freePort(), await freePort(), await freePort()];
  const ports = (text) => text.replaceAll('7071', app).replaceAll('8080', plain).replaceAll('8443', tls);
  writeFileSync(join(work, file), ports(readFileSync(join(folder, file), 'utf8')));
  for (const pem of ['cert.pem', 'key.pem', 'both.pem']) copyFileSync(join(certificates, pem), join(work, pem));

  const startApp = async () => {
    const child = start('dotnet', [join(root, 'FuncSse.SelfHost/bin/Debug/net10.0/FuncSse.SelfHost.dll'), '--urls', `http://127.0.0.1:${app}`],
      { log: join(work, 'log'), env: { ...process.env, Topics__PublishKey: key, Sse__Proxies: '1', Sse__MaxStreamsPerClient: String(limit) } });
    await until('the app starts', async () => (await fetch(`http://127.0.0.1:${app}/events`, { method: 'HEAD' })).ok);
    return child;
  };
  const publish = async (topic, data) => {
    const answer = await fetch(`http://127.0.0.1:${app}/topics/${topic}`, { method: 'POST', body: data, headers: { 'x-functions-key': key } });
    if (!answer.ok) throw new Error(`publishing was answered with ${answer.status}`);
    return (await answer.text()).trim();
  };
  const url = (path) => `http://localhost:${plain}${path}`;
  // Each check comes from an address of its own, and tries to hide it.
  let address = 1;
  const client = () => ({ localAddress: `127.0.0.${++address}`, headers: { 'X-Forwarded-For': `10.0.0.${Math.ceil(Math.random() * 250)}` } });

  const results = [];
  const verify = async (what, action) => {
    const seen = await action().then((text) => text ?? 'ok', (error) => `FAILED: ${error.message}`);
    results.push(`${what}: ${seen}`);
    if (seen.startsWith('FAILED')) failures++;
  };

  let server;
  let proxy;
  try {
    server = await startApp();
    proxy = start(run[0], run.slice(1).map((arg) => ports(arg).replace('$PWD', work)), { log: join(work, 'log'), cwd: work, env: { ...process.env, HOME: work } });
    await until('the proxy starts', async () => (await open(url('/events'), { method: 'HEAD' })).status === 200);
    const quiet = await open(url('/topics/quiet'), client());
    const quietSince = Date.now();

    await verify('live', async () => {
      const stream = await open(url('/topics/live'), client());
      await stream.event((event) => event.type === 'position');
      let best = Infinity;
      for (let number = 1; number <= 100 && best > 100; number++) { // A busy machine delays some of them.
        const since = Date.now();
        await publish('live', `event ${number}`);
        await stream.event((event) => event.data === `event ${number}`);
        best = Math.min(best, Date.now() - since);
      }
      stream.close();
      if (best > 100) throw new Error(`each event came ${best} ms late or later`);
    });

    await verify('Last-Event-ID', async () => {
      const id = await publish('resume', 'seen');
      await publish('resume', 'missed');
      const stream = await open(url('/topics/resume'), { ...client(), headers: { 'Last-Event-ID': id } });
      await stream.event((event) => event.data === 'missed');
      if (stream.events.some((event) => event.data === 'seen' || event.type === 'reset')) throw new Error('the id did not arrive');
      stream.close();
    });

    await verify('compression', async () => {
      const stream = await open(url('/topics/gzip'), { ...client(), headers: { 'Accept-Encoding': 'gzip' } });
      const packed = stream.headers['content-encoding'] === 'gzip';
      if (packed !== Boolean(claims.gzip)) throw new Error(packed ? 'compressed' : 'not compressed');
      await stream.event((event) => event.type === 'position');
      await publish('gzip', 'packed');
      await stream.event((event) => event.data === 'packed');
      stream.close();
      return packed ? 'gzip, live' : 'none';
    });

    if (claims.http2) await verify('HTTP/2, live streams of 20', async () => {
      const { streams, close } = await openOverHttp2(tls, '/events', 20);
      const live = await Promise.all(streams.map((stream) => stream.event((event) => event.data, 8000).then(() => true, () => false)));
      close();
      const count = live.filter((value) => value).length;
      if (count !== claims.http2) throw new Error(`${count}, and not ${claims.http2}`);
      return String(count);
    });

    await verify('limit for each client', async () => {
      const same = client();
      const streams = await Promise.all(Array.from({ length: limit }, () => open(url('/topics/silent'), { ...same, headers: client().headers })));
      await Promise.all(streams.map((stream) => stream.event((event) => event.type === 'position')));
      const accepted = async () => {
        const stream = await open(url('/topics/silent'), same);
        const event = await stream.event((event) => event.data).catch(() => null);
        stream.close();
        return event !== null;
      };
      if (await accepted()) throw new Error('a stream more than the limit was opened');
      streams.forEach((stream) => stream.close());
      if (claims.leaves) await until('its places are free', accepted, 10000);
      return claims.leaves ? 'ok, and a client that leaves is noticed' : 'ok';
    });

    await verify('silence', async () => {
      await delay(Math.max(0, quietSince + silence - Date.now()));
      await publish('quiet', 'after the silence');
      await quiet.event((event) => event.data === 'after the silence');
      quiet.close();
      return `${silence / 1000} s`;
    });

    // One after another: on a busy machine several apps that start together take longer than a proxy waits.
    const before = restarts;
    let done;
    restarts = new Promise((resolve) => { done = resolve; });
    await before;
    await verify('restart of the app', async () => {
      const source = reconnecting(url('/events'), client());
      const first = await source.event((event) => event.data > 1);
      await stop(server, 'SIGKILL');
      await delay(3000);
      server = await startApp();
      const back = await source.event((event) => event.data > Number(first.data) + 1).then(() => true, () => false);
      source.close();
      if (claims.broken && source.ends[0] !== 'cut') throw new Error(`the broken answer ended with "${source.ends[0]}"`);
      if (claims.holds && !back) throw new Error(`the client gave up: ${source.ends.join(', ')}`);
      await until('it is back for new clients', async () => (await open(url('/events'), { method: 'HEAD' })).status === 200);
      return `${source.ends.join(', ')}; ${back ? 'the client came back' : 'the client gave up'}`;
    });
    done();
  } catch (error) {
    failures++;
    results.push(`FAILED: ${error.message}\n${readFileSync(join(work, 'log'), 'utf8').slice(-2000)}`);
  } finally {
    await Promise.all([proxy, server].map((child) => child && stop(child)));
    rmSync(work, { recursive: true, force: true });
  }
  return results;
}

// What docs/proxies.md quotes of a file is in it.
function checkQuotes() {
  const text = readFileSync(join(root, 'docs/proxies.md'), 'utf8');
  for (const [name, { file }] of Object.entries(proxies)) {
    const quote = text.match(new RegExp(`\\]\\(proxies/${file}\\)[^]*?\n\`\`\`\\w+\n([^]*?)\`\`\``))?.[1].split('\n').map((line) => line.trim()).filter((line) => line);
    const lines = readFileSync(join(folder, file), 'utf8').split('\n').map((line) => line.trim());
    for (const line of quote ?? [`nothing of ${name}`]) {
      if (lines.includes(line)) continue;
      failures++;
      console.error(`docs/proxies.md quotes what ${file} has not: ${line}`);
    }
  }
}

let failures = 0;
checkQuotes();
const names = process.argv.slice(2);
const wrong = names.filter((name) => !proxies[name]);
if (wrong.length) throw new Error(`Unknown: ${wrong.join(', ')}. There are ${Object.keys(proxies).join(', ')}.`);
const certificates = mkdtempSync(join(tmpdir(), 'proxies-'));
process.on('exit', () => rmSync(certificates, { recursive: true, force: true }));
execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
  '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd: certificates, stdio: 'ignore' });
for (const pem of ['cert.pem', 'key.pem']) chmodSync(join(certificates, pem), 0o644);
writeFileSync(join(certificates, 'both.pem'), ['cert.pem', 'key.pem'].map((pem) => readFileSync(join(certificates, pem), 'utf8')).join(''));
execFileSync('dotnet', ['build', join(root, 'FuncSse.SelfHost'), '--nologo', '--verbosity', 'quiet', '-clp:ErrorsOnly'], { stdio: 'inherit' });
process.env.PATH += ':/usr/sbin';

await Promise.all(Object.entries(proxies).filter(([name]) => !names.length || names.includes(name)).map(async ([name, proxy]) => {
  const version = spawnSync(proxy.run[0], [proxy.version], { encoding: 'utf8' });
  if (version.error) return console.log(`${name}: skipped, it is not installed`);
  const results = await check(name, proxy);
  console.log([`${name}: ${(version.stdout + version.stderr).trim().split('\n')[0]}`, ...results].join('\n  '));
}));
console.log(`${failures} failures`);
process.exit(failures ? 1 : 0);
