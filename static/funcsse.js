// Server-sent events for pages: an EventSource that always comes back, one stream for all tabs, the values of topics, and streams that answer a POST.

/** @import { Detail, Options, State, Subscription } from './funcsse.d.ts' */

/** @type {typeof import('./funcsse.d.ts').subscribe} */
export function subscribe(url, options = {}) {
  const address = withQuery(url, { envelope: options.envelope && 'json' });
  if (!/^https?:$/.test(address.protocol)) throw new TypeError(`${address} is not the address of a stream.`);
  options = { ...options, pauseWhenHidden: milliseconds(options.pauseWhenHidden) }; // It throws before there is anything to close.
  return options.shareTabs && navigator.locks ? share(address, options) : open(address, options, (event) => pass(event, address, options));
}

/** @type {typeof import('./funcsse.d.ts').values} */
export async function values(url, { getTicket, withCredentials, openTimeout = 30_000 } = {}) {
  let address = withQuery(url, { values: 'true' }), renew = !!getTicket && !address.searchParams.has('access_token'), renewed = false;
  const credentials = withCredentials ? 'include' : 'same-origin';
  for (let failures = 0; ;) {
    if (renew) address = withQuery(address, { access_token: await getTicket?.() }), renewed = true;
    const response = await fetch(address, { cache: 'no-store', credentials, signal: AbortSignal.timeout(openTimeout) }).catch(() => undefined);
    const answer = response?.ok && await response.json().catch(() => undefined);
    if (answer?.values) return { ...answer, values: answer.values.map(dated) };
    renew = response?.status === 401 && !!getTicket && !renewed;
    if (failures === 4 || (response && response.status !== 503 && !renew)) throw refusal(url, response, 'values');
    if (!renew) await wait(Math.max(retryAfter(response), backoff(failures++)));
  }
}

/** @type {typeof import('./funcsse.d.ts').escapeTopic} */
export function escapeTopic(text) {
  const left = /^[.]{1,2}$/.test(text) ? /[.]/g : /[!~*'()]/g; // what encodeURIComponent leaves as it is
  return encodeURIComponent(text).replace(left, (character) => `~${character.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%', '~') || '~';
}

const isStream = (/** @type {Response | undefined} */ response) => /^text\/event-stream\b/i.test(response?.headers.get('content-type') ?? '');
const retryAfter = (/** @type {Response | undefined} */ response) => Number(response?.headers.get('retry-after')) * 1000 || 0;
const wait = (/** @type {number} */ delay) => new Promise((done) => setTimeout(done, delay));
const backoff = (/** @type {number} */ failures) => Math.min(30_000, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
const dated = (/** @type {any} */ envelope) => ({ ...envelope, published: new Date(envelope.published) });
const refusal = (/** @type {string | URL} */ url, /** @type {Response | undefined} */ response, /** @type {string} */ missing) => Object.assign(
  new Error(response ? `${url} answers with status ${response.status} and no ${missing}.` : `${url} does not answer.`), { response });

/** Puts something into a query, whose rest stays as it is. @param {string | URL} url @param {Record<string, string | false | void>} own */
function withQuery(url, own) {
  const result = new URL(url, location.href);
  const sent = Object.entries(own).flatMap(([name, value]) => value && value.length < 4000 ? [`${name}=${encodeURIComponent(value)}`] : []);
  const nameOf = (/** @type {string} */ pair) => pair.split('=')[0].replace('last_event_id', 'lastEventId');
  const rest = result.search.slice(1).split('&').filter((pair) => pair && !sent.map(nameOf).includes(nameOf(pair)));
  return Object.assign(result, { search: [...rest, ...sent].join('&') });
}

/** @param {MessageEvent<string>} event @param {URL} address @param {Options} options */
function pass(event, address, { onEvent, onReset }) {
  const { type, lastEventId, origin } = event;
  if (type === 'position') return;
  if (type === 'reset') return onReset?.({ reason: /"reason"\s*:\s*"(\w+)"/.exec(event.data)?.[1] ?? 'unknown' });
  if (!address.searchParams.has('envelope')) return onEvent?.(event);
  const { data, topic, published, retained } = dated(JSON.parse(event.data));
  onEvent?.(Object.assign(new MessageEvent(type, { data, lastEventId, origin }), { topic, published, retained }));
}

/** @param {number | string | undefined} time */
function milliseconds(time) {
  const [, number, unit] = /^([\d.]+)(ms|s|m)$/.exec(typeof time === 'number' ? `${time}ms` : time ?? '') ?? [];
  const limit = Number(number) * (unit === 'm' ? 60_000 : unit === 's' ? 1000 : 1);
  if (time === undefined || limit < 2 ** 31) return time === undefined ? time : limit;
  throw new TypeError(`pauseWhenHidden is '${time}'; it must be like '60s', '5m', '500ms', or milliseconds, under 24 days.`);
}

/**
 * Tells when the page has been hidden for as long as the options say, or the browser freezes it, and when it is shown again. A worker has no page.
 * @param {Options} options @param {AbortController} over @param {(hidden: boolean) => void} act
 */
function watchPage({ pauseWhenHidden: limit }, over, act) {
  if (limit === undefined || !globalThis.document) return;
  let timer = /** @type {any} */ (0), hidden = false;
  const hide = () => over.signal.aborted || hidden || act(hidden = true);
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState === 'hidden') timer = setTimeout(hide, Number(limit)); else if (hidden) act(hidden = false);
  };
  document.addEventListener('visibilitychange', look, over);
  document.addEventListener('freeze', hide, over);
  look();
}

/** One EventSource after another. @param {URL} address @param {Options} options @param {(event: MessageEvent<string>) => void} hand */
function open(address, options, hand) {
  const { getTicket, withCredentials, openTimeout = 30_000, types = [] } = options, over = new AbortController();
  const self = { state: /** @type {State} */ ('connecting'), lastEventId: options.lastEventId ?? '', close: () => end('closed', 'close') };
  let source = /** @type {EventSource | undefined} */ (undefined), sourceId = ''; // the last event id that the EventSource knows
  // What an earlier attempt still hears of does not count. A HEAD that succeeds is trusted, and brings the next stream at once: not twice in a row.
  let timer = /** @type {any} */ (0), failures = 0, attempt = {}, trusted = true;
  let ticket = /** @type {string | void} */ (undefined), renew = !!getTicket && !address.searchParams.has('access_token');
  // Times: the stream opened, something was heard, the clock was looked at. Whether the browser itself comes back, and the last stream had an event.
  let opened = 0, heard = 0, looked = Date.now(), byBrowser = false, fed = false;
  let beats = false, interval = 0, patience = 40_000; // whether there are keep-alives, how often, and the limit (ms) until that is known

  const set = (/** @type {State} */ state, /** @type {Detail} */ detail = {}) => (self.state = state, options.onState?.(state, detail));
  function drop() {
    source?.close();
    clearTimeout(timer);
    source = timer = undefined;
    return attempt = {};
  }
  function end(/** @type {State} */ state, /** @type {string} */ reason, detail = {}) {
    if (over.signal.aborted) return;
    over.abort(clearInterval(beat));
    drop();
    set(state, { reason, ...detail });
  }
  // Opens the next EventSource: at once if it may and the last one lasted, else later each time, and not in step with other pages.
  function later(/** @type {Detail} */ detail, atOnce = false, least = 0) {
    if (self.state === 'paused' && detail.reason !== 'shown') return;
    drop();
    if ((opened && Date.now() - opened > 5000) || /slept|online|returned|shown/.test(detail.reason ?? '')) failures = 0;
    const delay = Math.max(least, atOnce && !failures ? 0 : backoff(failures));
    opened = 0, failures++;
    timer = setTimeout(connect, delay);
    set('reconnecting', { ...detail, delay });
  }
  async function connect() {
    const current = drop();
    heard = Date.now();
    const answer = renew ? await Promise.resolve().then(getTicket).then((value) => ({ value }), () => undefined) : { value: ticket };
    if (current !== attempt) return;
    if (!answer) return later({ reason: 'ticket' });
    ticket = answer.value;
    // A new EventSource knows no last event id, and a page cannot set the header.
    const own = source = new EventSource(withQuery(address, { access_token: ticket, lastEventId: self.lastEventId }), { withCredentials });
    sourceId = '', renew = byBrowser = false;
    heard = Date.now(); // a renewed ticket took some time
    // A server may name its events "open" and "error" too. They come as MessageEvents to the same listeners.
    const on = (/** @type {string} */ type, /** @type {(event: any) => void} */ act, named = true) =>
      own.addEventListener(type, (event) => own === source && event instanceof MessageEvent === named && act(event));
    on('open', () => (byBrowser = fed = false, trusted = true, opened = heard = Date.now(), set('open')), false);
    on('error', () => onError(own), false);
    for (const type of new Set(['message', 'keep-alive', 'position', 'reset', 'expired', ...types])) on(type, onEvent);
  }
  function onEvent(/** @type {MessageEvent<string>} */ event) {
    const { type, lastEventId: id } = event, quiet = Date.now() - heard, isBeat = type === 'keep-alive' || type === 'position';
    heard += quiet, fed = true;
    if (isBeat && beats && quiet > 500) interval = Math.max(quiet, interval * 0.8);
    beats ||= isBeat;
    if (id !== sourceId) self.lastEventId = sourceId = id; // an event without an id leaves the last one as it is
    if (type === 'expired') renew = !!getTicket, later({ reason: type }, true);
    else if (type !== 'keep-alive') hand(event);
  }
  async function onError(/** @type {EventSource} */ { readyState, url }) {
    heard = Date.now();
    byBrowser = readyState !== EventSource.CLOSED;
    const current = byBrowser ? attempt : drop(), credentials = withCredentials ? 'include' : 'same-origin';
    set('reconnecting', { reason: 'lost' });
    if (byBrowser) return;
    const ask = async (/** @type {string} */ method) => current !== attempt ? undefined : fetch(url, {
      method, headers: { accept: 'text/event-stream' }, cache: 'no-store', credentials, signal: AbortSignal.timeout(10_000),
    }).catch(() => undefined);
    // An EventSource that is closed for good does not say why. A HEAD does, a moment later: a page that goes away has its streams closed
    // before its scripts end.
    await wait(100);
    let response = await ask('HEAD');
    if (response?.status === 405) response = await ask('GET'); // a route for GET alone
    if (response?.ok) response.body?.cancel();
    if (current !== attempt) return;
    const status = response?.status ?? 0, detail = { status, response }, back = status === 200 && trusted && isStream(response);
    if (status === 204) return end('closed', 'ended', detail);
    if ([400, 403].includes(status) || (status === 401 && !getTicket)) return end('failed', 'refused', detail);
    renew ||= status === 401;
    if (back) failures = 0, trusted = false;
    later({ reason: response ? 'refused' : 'unreachable', ...detail }, renew || back, retryAfter(response));
  }
  // Does the stream still live? This looks each second, and when the page is seen again.
  function look(seen = false) {
    const now = Date.now(), slept = now - looked > 90_000; // a hidden tab's timers are held back for 60 s at most
    if (now < looked) heard = now; // somebody set the clock back
    looked = now;
    if (slept || (seen && timer)) return later({ reason: 'slept' }, true);
    const known = interval ? Math.max(5000, 2.5 * interval) : beats ? patience : Infinity;
    const silence = (typeof options.silence === 'function' ? options.silence() : options.silence) ?? known;
    // A full server ends the stream without an event, and asks for a long wait.
    const limit = self.state === 'open' ? silence : byBrowser && !fed ? 120_000 : openTimeout;
    if (timer || now - heard <= limit) return;
    if (self.state !== 'open') return later({ reason: !source && renew ? 'ticket' : 'unreachable' });
    patience = Math.min(300_000, patience * 2); // perhaps its keep-alives are only rare
    later({ reason: 'silent' }, true);
  }
  const beat = setInterval(look, 1000);
  globalThis.document?.addEventListener('visibilitychange', () => document.hidden || look(true), over);
  addEventListener('online', () => later({ reason: 'online' }, true), over);
  addEventListener('pagehide', drop, over); // a page with an open stream may not enter the back-forward cache
  addEventListener('pageshow', (event) => event.persisted && later({ reason: 'returned' }, true), over);
  watchPage(options, over, (hidden) => hidden ? (drop(), set('paused', { reason: 'hidden' })) : later({ reason: 'shown' }, true));
  connect();
  return self;
}

/**
 * The tab that has the lock holds the stream, and tells the others. Each message names the position before it, so that a tab knows what it
 * has already, and asks for what it missed. @param {URL} address @param {Options} options
 */
function share(address, options) {
  const name = `funcsse ${address} ${[...options.types ?? []].sort()}`;
  const history = /** @type {{ after: string, id: string, type: string, data: string }[]} */ ([]); // the newest events
  let isTopic = false, held = /** @type {typeof history | undefined} */ (undefined); // what waits for the values
  const self = { state: /** @type {State} */ ('connecting'), lastEventId: options.lastEventId ?? '', close: () => (
    over.signal.aborted || tell('closed', { reason: 'close' })) };
  let asked = '', hidden = false, leave = () => {}, queue = join, over = new AbortController(), leader = /** @type {Subscription | undefined} */ (undefined);
  function tell(/** @type {State} */ state, /** @type {Detail} */ detail) {
    self.state = state;
    if (state === 'paused') history.length = 0; // The server goes on from its position, and a new leader cannot.
    if (state === 'closed' || state === 'failed') over.abort(leave()); // who subscribes later asks the server again
    options.onState?.(state, detail);
  }
  function take(/** @type {typeof history[number]} */ message) {
    self.lastEventId = message.id;
    if (history.push(message) > 1500) history.shift(); // more than a reset and the 1,000 values that may follow it
    if (message.type === 'reset') held = undefined;
    if (held) held.push(message); else hand(message);
  }
  const hand = (/** @type {{ id?: string, type: string, data: string }} */ { type, data, id: lastEventId }) =>
    pass(new MessageEvent(type, { data, lastEventId, origin: address.origin }), address, options);
  // The leader had the values when its stream opened, so a tab that comes later asks for them. It hands over the events that it is told of meanwhile
  // after them: a value may have an event already that comes again so, but no value replaces a newer event.
  async function askForValues() {
    if (!isTopic) return;
    const own = held = /** @type {typeof history} */ ([]), { types = [] } = options;
    const opening = await values(address, options).then(
      (answer) => answer.values.filter(({ type }) => !type || types.includes(type))
        .map((value) => ({ type: value.type ?? 'message', data: address.searchParams.has('envelope') ? JSON.stringify(value) : value.data })),
      ({ response }) => [{ type: 'reset', data: `{"reason":"${response?.status === 400 ? 'overflow' : 'unknown'}"}` }],
    );
    if (held !== own || over.signal.aborted) return;
    held = undefined;
    for (const message of [...opening, ...own]) queueMicrotask(() => hand(message)); // If the app fails at one, it still gets the others.
  }
  const openOwn = (/** @type {Options} */ own, /** @type {(words: object) => void} */ say) =>
    open(address, { ...own, lastEventId: self.lastEventId, onState(state, detail) {
      if (detail.reason === 'close') return;
      say({ state, detail: { ...detail, response: undefined } });
      tell(state, detail);
    } }, ({ type, data, lastEventId }) => {
      isTopic ||= type === 'position';
      const event = { after: self.lastEventId, id: lastEventId || self.lastEventId, type, data };
      say({ event });
      take(event);
    });
  // A hidden leader goes on for as long as another tab waits for its turn.
  function join() {
    leave();
    leader = undefined;
    const channel = new BroadcastChannel(name), turn = new AbortController(), watch = setInterval(look, 2500 + 1000 * Math.random());
    let unheard = 0, place = new AbortController();
    const say = (/** @type {object} */ words) => channel.postMessage({ position: self.lastEventId, topic: isTopic, ...words });
    // The tabs that are hidden have no leader then. One that is shown has waited for its turn.
    leave = () => turn.signal.aborted || (
      leader && say({ state: 'paused' }), turn.abort(), place.abort(), clearInterval(watch), leader?.close(), channel.close(), queue = join);
    channel.onmessage = ({ data: { hello, ask, event, lost, position, topic, state, detail = {} } }) => {
      if (leader) { // what the leader before still says is in this one's own stream too
        const next = history.findLastIndex(({ after, id }) => after === ask && id !== ask);
        const from = history.findIndex(({ after, type }, index) => index === next || (type === 'reset' && after === ask));
        if (ask && ask !== self.lastEventId) from < 0 ? say({ lost: ask }) : history.slice(from).forEach((event) => say({ event }));
        return hello && (say({ state: self.state }), look()); // the timers of a hidden tab are slow
      }
      if (state || event) unheard = 0;
      if (state) asked = '';
      if (state && state !== self.state && (hidden || state !== 'paused')) tell(state, detail);
      if (turn.signal.aborted) return; // it was told of the end, or left when it was told
      isTopic ||= topic;
      if (lost && lost === self.lastEventId) { // The leader does not know the id. A tab that knows nothing either has a stream of its own.
        if (!history.length) return leave(), leave = (leader = openOwn(options, () => {})).close;
        take({ after: lost, id: position, type: 'reset', data: '{"reason":"unknown"}' });
        return askForValues();
      }
      if (!self.lastEventId && (position || event)) askForValues();
      if (event && (!self.lastEventId || event.after === self.lastEventId)) return take(event);
      self.lastEventId ||= position;
      const target = event ? event.id : position;
      if (lost || !target || [self.lastEventId, ...history.map(({ id }) => id)].includes(target) || asked === self.lastEventId) return;
      say({ ask: asked = self.lastEventId });
    };
    const lead = () => turn.signal.aborted || hidden || new Promise((release) => {
      turn.signal.onabort = release;
      leader = openOwn({ ...options, pauseWhenHidden: undefined }, say);
      say({ state: self.state });
    });
    // A request fails when this tab left before its turn, and when another tab took the lock since this one said nothing.
    const request = (/** @type {LockOptions} */ how) => navigator.locks.request(name, how, lead).catch(() => leader && !turn.signal.aborted && join());
    // A tab that is hidden for long does not wait for its turn, and listens on: what is on its way would not come over a new channel.
    (queue = () => {
      place.abort();
      if (!hidden) request({ signal: (place = new AbortController()).signal });
      say({ hello: true });
    })();
    async function look() {
      asked = ''; // an answer that did not come is asked for again
      const isLast = leader && hidden && !(await navigator.locks.query()).pending?.some((lock) => lock.name === name);
      if (isLast && hidden && !turn.signal.aborted) join(), tell('paused', { reason: 'hidden' });
      if (leader || hidden || ++unheard < 2) return;
      if (unheard < 5) return say({ hello: true });
      unheard = 0, request({ steal: true }); // the leader is frozen, or its script stands still
    }
  }
  watchPage(options, over, (isHidden) => {
    hidden = isHidden;
    if (!leader) queue();
    if (!hidden && self.state === 'paused') tell('reconnecting', { reason: 'shown' });
  });
  join();
  addEventListener('pagehide', () => leave(), over);
  addEventListener('pageshow', (event) => event.persisted && join(), over);
  globalThis.document?.addEventListener('freeze', () => leave(), over);
  globalThis.document?.addEventListener('resume', join, over);
  return self;
}

/** @type {typeof import('./funcsse.d.ts').post} */
export async function* post(url, body, { headers, signal, credentials } = {}) {
  const all = { accept: 'text/event-stream', ...Object.fromEntries(new Headers(headers)) };
  const response = await fetch(url, { method: 'POST', body, headers: all, signal, credentials, cache: 'no-store' });
  if (response.status === 204) return;
  if (!response.ok || !response.body || !isStream(response)) throw refusal(url, response, 'stream');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); // it takes a byte order mark away
  let rest = '', afterCr = false, data = '', type = '', lastEventId = '';
  try {
    for (;;) {
      const { value: chunk, done } = await reader.read();
      if (done) return; // an event without its empty line is none
      const lines = (afterCr && chunk[0] === '\n' ? chunk.slice(1) : chunk).split(/\r\n|\n|\r/);
      afterCr = chunk.endsWith('\r');
      lines[0] = rest + lines[0];
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        if (field === 'data') data += `${value}\n`;
        else if (field === 'event') type = value;
        else if (field === 'id' && !value.includes('\0')) lastEventId = value;
        if (line) continue;
        signal?.throwIfAborted();
        if (data) yield { type: type || 'message', data: data.slice(0, -1), lastEventId };
        data = type = '';
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
