// Like the scenario of the same kind, for npm's eventsource: node position.mjs <the address of a scenario's page>

import { EventSource } from 'eventsource';

const page = new URL(process.argv[2]);
const frame = encodeURIComponent('event: position\nid: 41\ndata: \n\n');
const source = new EventSource(`http://127.0.0.1:${page.searchParams.get('proxy')}/stream?first=${frame}&every=500`);
source.addEventListener('position', async () => {
  await fetch(new URL('/control?proxy=refuse', page));
  await fetch(new URL('/control?proxy=listen', page));
});
source.onmessage = async ({ data }) => {
  const [, second] = await (await fetch(new URL('/requests', page))).json();
  console.log(data === '42' && second === 'after 41 with ' ? 'passed' : `${data} ${second}`);
  process.exit();
};
