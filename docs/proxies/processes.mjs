// What check.mjs starts: each process ends with it.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const started = new Set();
export function start(command, args, options) {
  const log = openSync(options.log, 'a'); // A pipe would be a socket, which /dev/stderr does not open.
  const child = spawn(command, args, { stdio: ['ignore', log, log], ...options });
  closeSync(log);
  child.gone = new Promise((resolve) => child.once('close', resolve));
  started.add(child);
  return child;
}

export async function stop(child, signal = 'SIGTERM') {
  child.kill(signal);
  const kill = setTimeout(() => child.kill('SIGKILL'), 10000);
  await child.gone;
  clearTimeout(kill);
  started.delete(child);
}

export async function until(what, condition, ms = 90000) {
  for (const end = Date.now() + ms; ; await delay(100)) {
    if (await condition().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`${what}: not in ${ms / 1000} s`);
  }
}

process.on('exit', () => started.forEach((child) => child.kill('SIGKILL')));
