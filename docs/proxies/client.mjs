// A reader of event streams for check.mjs: it says how a response ended, which EventSource does not.
import { request } from 'node:http';
import { connect } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip, constants } from 'node:zlib';

class EventStream {
  events = [];
  #waiting = [];

  add(event) {
    this.events.push(event);
    this.#settle();
  }

  finish(end) {
    this.end ??= end;
    this.#settle();
  }

  // The first event that matches, also of those that came before.
  event(matches, ms = 20000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no such event in ${ms / 1000} s, but ${JSON.stringify(this.events)}`)), ms);
      this.#waiting.push(() => {
        const found = this.events.find(matches);
        if (found) resolve(found);
        else if (this.end) reject(new Error(`the stream ended (${this.end}) after ${JSON.stringify(this.events)}`));
        else return true;
        clearTimeout(timer);
        return false;
      });
      this.#settle();
    });
  }

  // The end is "clean", or "cut" if the response has no end of its own.
  read(body) {
    let text = '';
    body.setEncoding('utf8');
    body.on('data', (chunk) => {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2)));
        if (fields.retry) this.retry = Number(fields.retry);
        if (fields.id) this.lastEventId = fields.id;
        if ('data' in fields) this.add({ type: fields.event ?? 'message', data: fields.data, id: fields.id });
      }
    });
    body.on('end', () => this.finish('clean'));
    for (const cut of ['aborted', 'error', 'close']) body.on(cut, () => this.finish('cut'));
  }

  #settle() {
    this.#waiting = this.#waiting.filter((waiting) => waiting());
  }
}

export function open(url, { method = 'GET', headers = {}, localAddress } = {}) {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, family: 4, agent: false, localAddress, headers: { Accept: 'text/event-stream', ...headers } }, (response) => {
      const stream = Object.assign(new EventStream(), { status: response.statusCode, headers: response.headers, close: () => call.destroy() });
      const gunzip = response.headers['content-encoding'] === 'gzip' && createGunzip({ flush: constants.Z_SYNC_FLUSH });
      stream.read(gunzip ? response.pipe(gunzip) : response);
      resolve(stream);
    });
    call.setTimeout(120000, () => call.destroy());
    call.on('error', reject);
    call.end();
  });
}

export async function openOverHttp2(port, path, count) {
  const socket = () => connectTls({ host: '127.0.0.1', port, servername: 'localhost', ALPNProtocols: ['h2'], rejectUnauthorized: false });
  const session = connect(`https://localhost:${port}`, { createConnection: socket });
  session.on('error', () => { });
  const streams = Array.from({ length: count }, () => {
    const stream = new EventStream();
    stream.read(session.request({ ':path': path, accept: 'text/event-stream' }));
    return stream;
  });
  return { streams, close: () => session.destroy() };
}

// As a bare EventSource: it comes back after each end and each failed connection, and gives up at any other answer than a stream.
export function reconnecting(url, options) {
  const all = Object.assign(new EventStream(), { ends: [], close: () => { all.closed = true; all.current?.close(); } });
  (async () => {
    for (let retry = 3000; !all.closed; await delay(retry)) {
      const id = all.events.at(-1)?.id;
      const stream = await open(url, { ...options, headers: { ...options.headers, ...(id && { 'Last-Event-ID': id }) } }).catch((error) => ({ failed: error.code }));
      if (stream.failed) {
        all.ends.push(stream.failed);
        continue;
      }
      all.current = stream;
      if (stream.status !== 200 || !stream.headers['content-type']?.startsWith('text/event-stream')) {
        all.ends.push(String(stream.status));
        return all.finish(`gave up at ${stream.status}`);
      }
      const add = stream.add.bind(stream);
      stream.events.forEach((event) => all.add(event));
      stream.add = (event) => { add(event); all.add(event); };
      await stream.event(() => false, 120000).catch(() => { });
      all.ends.push(stream.end);
      retry = stream.retry ?? retry;
    }
  })();
  return all;
}
