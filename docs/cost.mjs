// Computes the tables of docs/cost.md and draws docs/cost.svg. `node docs/cost.mjs` writes both files; with --check it only compares them.
import { readFileSync, writeFileSync } from 'node:fs';

// US dollars. cost.md names the sources.
const price = {
  gbSecond: 0.000026, millionExecutions: 0.4, unitDay: 1.61, millionMessages: 1, logGB: 2.99, appServiceHour: { B1: 0.017, P1v3: 0.155 },
  tenThousandReads: 0.0044, tenThousandWrites: 0.055,
};
const memory = 2;               // GB of one instance
const lifetime = 29 * 0.9, packageLifetime = 5 * 0.9; // minutes: a stream lasts a random 80 to 100 % of MaxDuration
const hoursPerMonth = 730;
const maxInstances = 1000;      // the limit of the plan
const quota = 250;              // cores of one subscription in one region; a 2 GB instance has one core
const rowBytes = 1000;          // one row in Log Analytics: an assumption
const leaveBytes = 10000;       // all rows of a stream whose client left: an assumption
const blobRate = 500;           // requests a second to one blob
const sampledRows = 3600;       // rows an hour and instance: maxTelemetryItemsPerSecond in host.json

const instances = (streams, perInstance) => Math.ceil(streams / perInstance);
const executions = (streams, minutes = lifetime) => streams * (60 / minutes);
const flex = (streams, perInstance) =>
  instances(streams, perInstance) * memory * 3600 * price.gbSecond + executions(streams) * price.millionExecutions / 1e6;
const units = (streams) => Math.ceil(streams / 1000);
const managed = (streams, eventsPerSecond) =>
  units(streams) * price.unitDay / 24 +
  Math.max(0, streams * eventsPerSecond * 3600 - units(streams) * 1e6 / 24) * price.millionMessages / 1e6;

const number = (value) => value.toLocaleString('en-US');
const dollars = (value) => `$${value.toLocaleString('en-US', value < 10
  ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
  : { maximumFractionDigits: 0 })}`;
const both = (hourly) => `${dollars(hourly)} · ${dollars(hourly * hoursPerMonth)}`;
const flexCell = (streams, perInstance) => {
  const count = instances(streams, perInstance);
  if (count > maxInstances) return `not possible: ${number(count)} instances`;
  return both(flex(streams, perInstance)) + (count > quota ? ` ¹` : '');
};

// A poll that finds events is followed by a second one.
const polls = (interval, requests) => 86400 / interval * requests;
const pollCell = (interval, requests) => `${number(Math.round(polls(interval, requests)))} · ${dollars(polls(interval, requests) * price.tenThousandReads / 1e4)}`;

const logCells = (bytesPerHour) => {
  const gigabytes = bytesPerHour * hoursPerMonth / 1e9;
  return [`${gigabytes.toFixed(1)} GB`, dollars(gigabytes * price.logGB)];
};

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const sizes = [1000, 10000, 100000];
const tables = {
  flex: table(
    ['open streams', '16 on an instance, the plan\'s default', '100', '500', '1,000, our default'],
    sizes.map((streams) => [number(streams), ...[16, 100, 500, 1000].map((perInstance) => flexCell(streams, perInstance))])),
  managed: table(
    ['open streams', 'Flex Consumption, our default', 'one event a second', 'one in ten seconds', 'one a minute'],
    sizes.map((streams) => [number(streams), both(flex(streams, 1000)), ...[1, 1 / 10, 1 / 60].map((rate) => both(managed(streams, rate)))])),
  worst: table(
    ['state', 'an hour', 'a month'],
    [
      ['no stream open', dollars(0), dollars(0)],
      ['one stream open', dollars(flex(1, 1000)), dollars(flex(1, 1000) * hoursPerMonth)],
      ['1,000 streams open', dollars(flex(1000, 1000)), dollars(flex(1000, 1000) * hoursPerMonth)],
      ['all 40 instances full: 40,000 streams', dollars(flex(40000, 1000)), dollars(flex(40000, 1000) * hoursPerMonth)],
    ]),
  forgotten: table(
    ['a hidden tab with', 'an hour', 'a month'],
    [
      ['`EventSource`, or `funcsse.js` without `pauseWhenHidden`', dollars(flex(1, 1000)), dollars(flex(1, 1000) * hoursPerMonth)],
      ['`funcsse.js` with `pauseWhenHidden: \'60s\'`, after the first minute', dollars(0), dollars(0)],
    ]),
  flat: table(
    ['plan', 'cores, memory', 'an hour · a month'],
    [
      ['Flex Consumption, one instance, while a stream is open', '1, 2 GB', both(memory * 3600 * price.gbSecond)],
      ['App Service B1 on Linux with the self-host', '1, 1.75 GB', both(price.appServiceHour.B1)],
      ['App Service P1v3 on Linux with the self-host', '2, 8 GB', both(price.appServiceHour.P1v3)],
    ]),
  polls: table(
    ['`Topics__PollInterval`', 'most polls find nothing', 'each poll finds events', 'instances until 500 requests a second'],
    [
      ['0.05 s', 0.05], ['0.15 s, the default', 0.15], ['0.5 s', 0.5], ['1 s', 1],
    ].map(([name, interval]) => [name, pollCell(interval, 1), pollCell(interval, 2),
      `${number(Math.floor(blobRate * interval / 2))} to ${number(Math.floor(blobRate * interval))}`])),
  logs: table(
    ['what 1,000 streams on one instance write', 'rows an hour', 'a month', 'cost'],
    [
      ['`host.json`: one row for each execution, 3,600 an hour at most', lifetime, 1, sampledRows],
      ['the same, with the lifetime of the packages, 5 minutes', packageLifetime, 1, sampledRows],
      ['the same, without sampling', packageLifetime, 1, Infinity],
      ['the host\'s defaults: two lines more for each execution', lifetime, 3, Infinity],
      ['the same, with 5 minutes', packageLifetime, 3, Infinity],
    ].map(([name, minutes, lines, most]) => [name, Math.min(most, executions(1000, minutes) * lines)])
      .map(([name, rows]) => [name, number(Math.round(rows)), ...logCells(rows * rowBytes)])),
  lifetimes: table(
    ['`Sse:MaxDuration`', 'executions of a tab in an hour', 'at most', '1,000 tabs: executions a month', 'rows a month, without sampling'],
    [['5 minutes, the default of the packages', packageLifetime], ['29 minutes, the function app', lifetime]].map(([name, minutes]) => [
      name, executions(1, minutes).toFixed(1), Math.ceil(executions(1, minutes / 0.9 * 0.8)),
      dollars(executions(1000, minutes) * hoursPerMonth * price.millionExecutions / 1e6), logCells(executions(1000, minutes) * rowBytes)[1]])),
};

// The rate, in events a second, at which 1,000 streams cost the same on both: managed() = flex(), solved for the rate.
const evenRate = ((flex(1000, 1000) - price.unitDay / 24) * 1e6 / price.millionMessages + 1e6 / 24) / (1000 * 3600);
const facts = {
  instanceHour: `$${(memory * 3600 * price.gbSecond).toFixed(4)}`,
  executionsHour: `$${(executions(1000) * price.millionExecutions / 1e6).toFixed(4)}`,
  executionCount: number(Math.round(executions(1000))),
  instanceMonth: dollars(memory * 3600 * price.gbSecond * hoursPerMonth),
  hidden: dollars(29 / 60 * memory * 3600 * price.gbSecond),
  idle: dollars(polls(1, 1) * price.tenThousandReads / 1e4),
  append: dollars(price.tenThousandWrites * 100),
  appends: dollars(price.tenThousandWrites * 8.64),
  busyDay: dollars(polls(0.15, 2) * price.tenThousandReads / 1e4),
  tenDay: dollars(10 * polls(0.15, 2) * price.tenThousandReads / 1e4 + 10 * price.tenThousandWrites * 8.64),
  even: `${Math.round(1 / evenRate)} seconds`,
  leaves: number(Math.floor(1e9 / 24 / leaveBytes / 100) * 100),
};

function picture() {
  const left = 70, top = 20, width = 560, height = 260;
  const [x0, x1, y0, y1] = [0.1, 600, 0.05, 50].map(Math.log10); // events a minute on each stream; dollars an hour
  const x = (rate) => Math.round(left + width * (Math.log10(rate) - x0) / (x1 - x0));
  const y = (cost) => Math.round(top + height * (y1 - Math.log10(cost)) / (y1 - y0));
  const lines = [16, 100, 1000].map((perInstance) => {
    const at = y(flex(1000, perInstance));
    return `  <path class="flex" d="M${left} ${at}H${left + width}"/>
  <text class="flex" x="${perInstance === 1000 ? left + width : left + 8}" y="${at - 6}" text-anchor="${perInstance === 1000 ? 'end' : 'start'}">Functions, ${number(perInstance)} on an instance: ${dollars(flex(1000, perInstance))}</text>`;
  });
  const rates = [0.1, 0.69, 0.8, 1, 1.4, 2, 3, 5, 10, 30, 60, 200, 600];
  const curve = rates.map((rate, index) => `${index ? 'L' : 'M'}${x(rate)} ${y(managed(1000, rate / 60))}`).join(' ');
  const xTicks = [[0.1, 'one in 10 min'], [1, 'one a minute'], [10, '10 a minute'], [60, 'one a second'], [600, '10 a second']];
  const yTicks = [0.1, 1, 10];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 340" role="img" aria-labelledby="title">
  <title id="title">What 1,000 open streams cost in an hour: the price of Functions does not depend on the number of events; SignalR and Web PubSub cost more with each event.</title>
  <style>
    svg { font: 13px system-ui, sans-serif; }
    text { fill: #333; }
    .grid { stroke: #ddd; }
    path { fill: none; stroke-width: 2; }
    path.flex { stroke: #0b6e4f; }
    text.flex { fill: #0b6e4f; }
    path.managed { stroke: #b3441e; stroke-width: 3; }
    text.managed { fill: #b3441e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #ccc; }
      .grid { stroke: #444; }
      path.flex { stroke: #5ad1a4; }
      text.flex { fill: #5ad1a4; }
      path.managed { stroke: #ff9a76; }
      text.managed { fill: #ff9a76; }
    }
  </style>
${yTicks.map((cost) => `  <path class="grid" d="M${left} ${y(cost)}H${left + width}"/>
  <text x="${left - 8}" y="${y(cost) + 4}" text-anchor="end">$${cost}</text>`).join('\n')}
${xTicks.map(([rate, label], index) => `  <path class="grid" d="M${x(rate)} ${top}V${top + height}"/>
  <text x="${x(rate)}" y="${top + height + 20}" text-anchor="${index ? index === xTicks.length - 1 ? 'end' : 'middle' : 'start'}">${label}</text>`).join('\n')}
${lines.join('\n')}
  <path class="managed" d="${curve}"/>
  <text class="managed" x="${x(10) + 30}" y="${y(0.5)}">SignalR, Web PubSub</text>
  <text x="${left + width / 2}" y="${top + height + 48}" text-anchor="middle">how often each of 1,000 open streams sends an event, and their cost in an hour</text>
</svg>
`;
}

const url = (name) => new URL(name, import.meta.url);
let document = readFileSync(url('cost.md'), 'utf8');
for (const [name, content] of Object.entries(tables)) {
  document = document.replace(new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`), (_, open, close) => `${open}${content}\n${close}`);
}
for (const [name, content] of Object.entries(facts)) {
  document = document.replace(new RegExp(`(<!-- ${name} -->)[^<]*(<!-- / -->)`, 'g'), (_, open, close) => open + content + close);
}

const outputs = { 'cost.md': document, 'cost.svg': picture() };
for (const [name, content] of Object.entries(outputs)) {
  if (!process.argv.includes('--check')) writeFileSync(url(name), content);
  else if (readFileSync(url(name), 'utf8') !== content) {
    console.error(`docs/${name} differs from what docs/cost.mjs computes: run node docs/cost.mjs`);
    process.exitCode = 1;
  }
}
