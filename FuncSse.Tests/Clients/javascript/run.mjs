// Runs clients in Node, or in a page: it asks a server of the tests which ones, and tells it what they see.

import { adapters } from './adapters.mjs';
import { recorded } from './recorded.mjs';

const all = { ...adapters, ...recorded };

export async function run(control, place) {
  for (const { number, adapter, url } of await (await fetch(`${control}/jobs/${place}`)).json()) {
    const told = [];
    const on = { event: (data) => told.push({ data }), end: (reason) => told.push({ end: `${reason}` }) };
    all[adapter](url, on).catch((error) => on.end(`${error.name}: ${error.message}`));
    tell(`${control}/told/${number}`, told);
  }
}

// One request after the other, so that the order stays.
async function tell(address, told) {
  for (;;) {
    await new Promise((done) => setTimeout(done, 50));
    if (told.length > 0) await fetch(address, { method: 'POST', body: JSON.stringify(told.splice(0)) });
  }
}
