// What the browser module must do, tried in the browser that opened this page. The name of the scenario stands in the query.

import * as funcsse from './funcsse.js';

const { post, subscribe, values } = funcsse;

const query = new URLSearchParams(location.search);
const scenario = query.get('scenario');

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const control = (proxy) => fetch(`/control?proxy=${proxy}`);
const requests = async () => (await fetch('/requests')).json();
async function hasRequests(count, limit = 20_000) {
  const start = performance.now();
  while ((await requests()).length < count) check(performance.now() - start < limit, `no request ${count}`);
  same((await requests()).length, count);
}
const hasStreams = (count) => until(async () => Number(await (await fetch('/open')).text()) === count, () => `${count} streams`);
const stream = (parameters = '') => `/stream?${parameters}`;
const throughProxy = (parameters = '') => `http://127.0.0.1:${query.get('proxy')}/stream?${parameters}`;

function check(good, what) {
  if (!good) throw new Error(what);
}

const same = (actual, expected) => check(
  JSON.stringify(actual) === JSON.stringify(expected), `${JSON.stringify(actual)} in the place of ${JSON.stringify(expected)}`);

async function until(condition, what, limit = 20_000) {
  for (const start = performance.now(); !(await condition()); await wait(10)) check(performance.now() - start < limit, `not in time: ${what()}`);
}

// As if the tab were behind another one: no headless browser hides a tab.
function setVisibility(state, { document } = window) {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

// Subscribes, and keeps what it is told. Each event that comes must be the one after the last.
function follow(url, options = {}) {
  const seen = { data: [], states: [], reasons: [], delays: [], resets: [] };
  seen.subscription = subscribe(url, {
    onEvent: ({ data }) => seen.data.push(data),
    onState: (state, { reason, delay }) => {
      seen.states.push(state);
      if (reason) seen.reasons.push(reason);
      if (delay !== undefined) seen.delays.push(delay);
    },
    onReset: (reset) => seen.resets.push(reset),
    ...options,
  });
  seen.counts = (count) => until(() => seen.data.length >= count, () => `${count} events of ${JSON.stringify(seen)}`);
  seen.isWhole = (first = 1) => same(seen.data, seen.data.map((_, index) => `${first + index}`));
  seen.goesOn = async () => {
    await seen.counts(seen.data.length + 10);
    seen.isWhole();
  };
  seen.ends = (state) => until(() => seen.states.at(-1) === state, () => `${state} in ${JSON.stringify(seen)}`);
  return seen;
}

// The first of them leads.
async function twoTabs(pauseWhenHidden = '') {
  const tabs = [];
  for (let number = 0; number < 2; number++) {
    tabs.push(open(`/?scenario=tab&number=${number}&pause=${pauseWhenHidden}`));
    await until(() => tabs[number]?.seen?.data.length > 5, () => `tab ${number}`);
  }
  same((await requests()).length, 1);
  return tabs;
}

async function goOn({ seen: { data } }) {
  const { length } = data;
  await until(() => data.length > length + 10, () => 'more events');
}

const publish = (topic, body, type = '') =>
  fetch(`/topics/${topic}?retain=true&type=${type}`, { method: 'POST', body, headers: { 'x-functions-key': 'key' } });

const closeAll = (...tabs) => tabs.forEach((tab) => tab.close());

const scenarios = {
  async A_killed_server_comes_back() {
    const seen = follow(throughProxy());
    await seen.counts(5);
    await control('refuse');
    await seen.ends('reconnecting');
    await wait(1500);
    await control('listen');
    await seen.goesOn();
    same(seen.states.at(-1), 'open');
  },

  async A_swallowed_connection_is_noticed() {
    const seen = follow(throughProxy(), { silence: 1000 });
    await seen.counts(5);
    await control('swallow');
    await until(() => seen.reasons.includes('silent'), () => 'silent');
    await seen.goesOn();
  },

  async A_silence_limit_is_learned_from_keep_alives() {
    const seen = follow(throughProxy('quiet&every=1000'));
    await wait(3500);
    await control('swallow');
    const start = performance.now();
    await until(() => seen.reasons.includes('silent'), () => 'silent');
    check(performance.now() - start > 3000, 'it was too early');
    await seen.ends('open');
    same(seen.data, []);
  },

  async A_laptop_sleeps() {
    const seen = follow(throughProxy());
    await seen.counts(5);
    await control('swallow');
    const { now } = Date;
    Date.now = () => now() + 3_600_000;
    await until(() => seen.reasons.includes('slept'), () => 'slept');
    await seen.goesOn();
  },

  async The_page_is_back_or_the_network_is() {
    const seen = follow(throughProxy());
    await seen.counts(5);
    await control('swallow');
    dispatchEvent(new Event('online'));
    await seen.goesOn();
    dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
    const { length } = seen.data;
    await wait(500);
    same(seen.data.length, length);
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    await seen.goesOn();
    same(seen.reasons, ['online', 'returned']);
    same((await requests()).length, 3);
  },

  async A_server_is_overloaded_for_a_while() {
    const seen = follow(stream('status=503&failures=2'));
    await seen.goesOn();
    same(seen.reasons, ['lost', 'refused', 'lost', 'refused']);
  },

  async Some_answers_are_final() {
    for (const [status, state] of [[400, 'failed'], [403, 'failed'], [401, 'failed'], [204, 'closed']]) {
      const seen = follow(stream(`status=${status}`));
      await seen.ends(state);
    }
    const before = (await requests()).length;
    await wait(2500);
    same((await requests()).length, before);
  },

  async A_quiet_stream_is_open_for_whoever_asks() {
    const subscription = subscribe(stream('quiet=silent'), { silence: 1000 });
    await until(() => subscription.state === 'open', () => subscription.state);
    await hasRequests(2); // the silence is noticed too
    subscription.close();
    same(subscription.state, 'closed');
  },

  // The Functions host answers each request with an empty 500 until the next worker is there.
  async A_worker_crashes_again() {
    const seen = follow(stream('status=500&failures=3&first=x'));
    await seen.goesOn();
    same(seen.states.at(-1), 'open');
  },

  // A request that reaches a worker that is told to stop gets no answer for as long as `functionTimeout`.
  async A_request_hangs() {
    const seen = follow(stream('hang=2&length=5'), { openTimeout: 2000 });
    await seen.goesOn();
    same(seen.reasons.slice(0, 2), ['lost', 'unreachable']);
    same((await requests())[2], 'after 5 with ');
    seen.subscription.close();
    const before = (await requests()).length;
    const first = follow(stream(`hang=${before + 1}`), { openTimeout: 2000 });
    await first.goesOn();
    same(first.reasons, ['unreachable']);
  },

  async A_ticket_never_comes() {
    const tickets = [new Promise(() => {}), 'right'];
    const seen = follow(stream('ticket=right'), { getTicket: () => tickets.shift(), openTimeout: 1500 });
    await seen.goesOn();
    same(seen.reasons, ['ticket']);
  },

  async A_server_is_back_when_it_is_asked() {
    const seen = follow(stream('status=500&failures=3&head=200'));
    await seen.goesOn();
    same(seen.reasons, ['lost', 'refused', 'lost', 'refused', 'lost', 'refused']);
    same(seen.delays[0], 0);
    check(seen.delays.slice(1).every((delay) => delay > 0), `a flood: ${seen.delays}`); // GET fails although HEAD does not
  },

  async A_server_without_HEAD_is_asked_with_GET() {
    for (const [status, state] of [[400, 'failed'], [401, 'failed'], [204, 'closed']]) {
      const seen = follow(stream(`status=${status}&head=405`));
      await seen.ends(state);
    }
    const tickets = ['wrong', 'right'];
    const seen = follow(stream('ticket=right&head=405'), { getTicket: async () => tickets.shift() });
    await seen.goesOn();
  },

  async Topics_are_escaped() {
    const { escapeTopic } = funcsse;
    const names = {
      'auth0|5f7c': 'auth0~7C5f7c', 'name+tag@example.com': 'name~2Btag~40example.com', 'CONTOSO\\user': 'CONTOSO~5Cuser', '~': '~7E', '': '~',
      '.': '~2E', '..': '~2E~2E', '...': '...', 'a/b c%2F': 'a~2Fb~20c~252F', 'ä€😀': '~C3~A4~E2~82~AC~F0~9F~98~80', '$x*!\'()': '~24x~2A~21~27~28~29',
      'aZ09-._': 'aZ09-._', '\0\n': '~00~0A',
    };
    for (const [text, name] of Object.entries(names)) {
      same(escapeTopic(text), name);
      same(name === '~' ? '' : decodeURIComponent(name.replaceAll('~', '%')), text);
    }
    let error;
    try {
      escapeTopic('\ud800');
    } catch (thrown) {
      error = thrown;
    }
    check(error instanceof URIError, `${error}`);
  },

  async A_missing_ticket_is_fetched() {
    const tickets = ['wrong', 'right', 'never asked for'];
    const seen = follow(stream('ticket=right'), { getTicket: async () => tickets.shift() });
    await seen.goesOn();
    same(tickets, ['never asked for']);
  },

  async A_ticket_expires() {
    const tickets = ['first', 'second', 'never asked for'];
    const seen = follow(stream(`first=${encodeURIComponent('id: 4\ndata: 4\n\nevent: expired\ndata: {}\n\n')}`), { getTicket: () => tickets.shift() });
    await seen.counts(10);
    seen.isWhole(4);
    same(await requests(), ['after  with first', 'after 4 with second']);
  },

  // With its id in the same frame, and with a frame of the position after it.
  async A_reset_is_told() {
    const reset = 'event: reset\ndata: {"reason":"expired"}\n';
    for (const frames of [`id: 0\n${reset}\n`, `${reset}\ndata: kept\n\nevent: position\ndata: {}\nid: e-1-x-0\n\n`]) {
      const got = [];
      const onEvent = ({ data }) => got.push(data);
      const seen = follow(stream(`first=${encodeURIComponent(frames)}&number=${(await requests()).length + 1}&every=300`), {
        lastEventId: 'x', onEvent, onReset: ({ reason }) => got.push(reason),
      });
      await until(() => got.includes('1'), () => got);
      same(got.slice(0, got.indexOf('1')), frames.includes('kept') ? ['expired', 'kept'] : ['expired']);
      seen.subscription.close();
    }
    same(await requests(), ['after x with ', 'after x with ']);
  },

  async Named_types_are_passed_on() {
    const frames = 'event: order\ndata: o\n\nevent: other\ndata: x\n\nevent: error\ndata: e\n\nevent: open\ndata: x\n\n: comment\n\n';
    const seen = follow(stream(`first=${encodeURIComponent(frames)}&every=300`), { types: ['order', 'error', 'message'] });
    await seen.counts(4);
    same(seen.data.slice(0, 4), ['o', 'e', '1', '2']);
    same(seen.states, ['open']);
    seen.subscription.close();
    same(seen.states, ['open', 'closed']);
  },

  async Seven_tabs_share_a_stream_and_survive_their_leader() {
    const tabs = new Set();
    for (let number = 0; number < 7; number++) tabs.add(open(`/?scenario=tab&number=${number}`));
    await until(() => [...tabs].every((tab) => tab?.seen?.data.length > 5), () => [...tabs].map((tab) => tab?.seen?.data.length).join());
    same((await requests()).length, 1);
    for (let leaders = 1; leaders <= 3; leaders++) {
      const { held } = await navigator.locks.query();
      same(held.length, 1);
      const names = await Promise.all([...tabs].map(async (tab) => [tab, (await tab.ownClientId)]));
      const [leader] = names.find(([, id]) => id === held[0].clientId);
      if (leaders === 2) leader.seen.subscription.close(); else leader.close();
      tabs.delete(leader);
      await hasRequests(leaders + 1);
      const before = [...tabs].map((tab) => tab.seen.data.length);
      await until(() => [...tabs].every((tab, index) => tab.seen.data.length > before[index] + 10), () => 'more events');
      same((await requests()).length, leaders + 1);
    }
    for (const tab of tabs) tab.seen.isWhole(Number(tab.seen.data[0]));
    for (const tab of tabs) tab.close();
  },

  // As React does in its strict mode.
  async A_tab_that_closes_at_once_leaves_no_stream() {
    const errors = [];
    addEventListener('unhandledrejection', ({ reason }) => errors.push(`${reason}`));
    addEventListener('error', ({ message }) => errors.push(message));
    for (let round = 0; round < 10; round++) follow(stream(), { shareTabs: true }).subscription.close();
    const seen = follow(stream(), { shareTabs: true });
    await seen.goesOn();
    same((await requests()).length, 1);
    seen.subscription.close();
    for (let round = 0; round < 10; round++) {
      follow(stream(), { shareTabs: true }).subscription.close();
      await wait(round);
    }
    await until(async () => (await navigator.locks.query()).held.length === 0, () => 'the lock is free');
    same(errors, []);
  },

  async A_leader_that_is_frozen_is_followed_by_another() {
    const [leader, tab] = await twoTabs();
    leader.document.dispatchEvent(new Event('freeze'));
    await hasRequests(2);
    const { length } = leader.seen.data;
    await goOn(tab);
    same(leader.seen.data.length, length);
    leader.document.dispatchEvent(new Event('resume'));
    await goOn(leader);
    same((await requests()).length, 2);
    for (const { seen } of [leader, tab]) seen.isWhole(Number(seen.data[0]));
    closeAll(leader, tab);
  },

  // A page that the browser froze without an event, or whose script stands in a debugger.
  async A_leader_that_says_nothing_is_replaced() {
    const [leader, tab] = await twoTabs();
    const { postMessage } = leader.BroadcastChannel.prototype;
    leader.BroadcastChannel.prototype.postMessage = () => {};
    await hasRequests(2, 40_000);
    const id = await leader.ownClientId;
    await until(async () => (await navigator.locks.query()).pending.some(({ clientId }) => clientId === id), () => 'the first leader waits for its turn');
    leader.BroadcastChannel.prototype.postMessage = postMessage;
    await goOn(tab);
    await goOn(leader);
    for (const { seen } of [leader, tab]) seen.isWhole(Number(seen.data[0]));
    closeAll(leader, tab);
  },

  async A_tab_that_missed_events_gets_them_from_its_leader() {
    const tab = open('/?scenario=tab&number=0');
    await until(() => tab?.seen?.data.length > 5, () => 'the other tab');
    let missed = 0;
    const { set } = Object.getOwnPropertyDescriptor(BroadcastChannel.prototype, 'onmessage');
    Object.defineProperty(BroadcastChannel.prototype, 'onmessage', {
      set(listen) {
        set.call(this, (message) => (message.data.event && missed-- > 0) || listen(message));
      },
    });
    const seen = follow(stream(), { shareTabs: true });
    await seen.counts(10);
    missed = 5;
    await seen.counts(seen.data.length + 20); // a page behind another looks once a second only
    check(missed <= 0, 'nothing was missed');
    same((await requests()).length, 1);
    tab.close();
    await hasRequests(2);
    await seen.counts(seen.data.length + 10);
    seen.isWhole(Number(seen.data[0]));
  },

  // The leader has never had what follows the id of the tab.
  async A_tab_that_resumes_from_further_back_misses_nothing() {
    const leader = follow(stream(), { shareTabs: true, lastEventId: '100' });
    await leader.counts(5);
    const seen = follow(stream(), { shareTabs: true, lastEventId: '50' });
    await seen.counts(10);
    seen.isWhole(51);
    same(seen.resets, []);
    same(await requests(), ['after 100 with ', 'after 50 with ']);
  },

  async A_refusal_of_the_shared_stream_is_over_with_its_tab() {
    const first = follow(stream('status=403&failures=1'), { shareTabs: true });
    await first.ends('failed');
    const second = follow(stream('status=403&failures=1'), { shareTabs: true });
    await second.goesOn();
    same(first.states, ['reconnecting', 'failed']);
  },

  async tab() {
    window.seen = follow(stream(), { shareTabs: true, pauseWhenHidden: query.get('pause') || undefined });
    // Only a lock that is held tells a page its own id.
    window.ownClientId = navigator.locks.request(`own ${query.get('number')}`, async ({ name }) =>
      (await navigator.locks.query()).held.find((lock) => lock.name === name).clientId);
    await new Promise(() => {});
  },

  async A_hidden_tab_holds_no_stream_and_misses_nothing() {
    const seen = follow(stream(), { pauseWhenHidden: '300ms' });
    await seen.counts(5);
    setVisibility('hidden');
    await hasStreams(0);
    const { state, lastEventId } = seen.subscription;
    same(state, 'paused');
    dispatchEvent(new Event('online'));
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    await wait(1500); // Nothing opens a stream until the tab is shown.
    setVisibility('visible');
    await seen.goesOn();
    same([seen.states, seen.reasons, seen.delays], [['open', 'paused', 'reconnecting', 'open'], ['hidden', 'shown'], [0]]);
    same(await requests(), ['after  with ', `after ${lastEventId} with `]);
    setVisibility('hidden');
    await seen.ends('paused');
    await hasStreams(0);
    seen.subscription.close();
    setVisibility('visible');
    same(seen.states.at(-1), 'closed');
    await hasRequests(2);
  },

  async A_tab_that_is_hidden_for_less_keeps_its_stream() {
    const seen = follow(stream(), { pauseWhenHidden: 2000 });
    await seen.counts(5);
    setVisibility('hidden');
    await seen.goesOn();
    setVisibility('visible');
    await seen.counts(seen.data.length + 100); // It takes three seconds.
    seen.isWhole();
    same((await requests()).length, 1);
    same(seen.states, ['open']);
  },

  async A_hidden_tab_gets_what_was_published_meanwhile_or_a_reset() {
    const seen = follow('/topics/x', { pauseWhenHidden: 0 });
    await until(() => seen.subscription.lastEventId, () => 'a position');
    await publish('x', '1');
    await seen.counts(1);
    setVisibility('hidden');
    await seen.ends('paused');
    for (const number of [2, 3]) await publish('x', number);
    setVisibility('visible');
    await seen.counts(3);
    await publish('x', '4');
    await seen.counts(4);
    same([seen.data, seen.resets], [['1', '2', '3', '4'], []]);
    setVisibility('hidden');
    const lost = follow(stream(`first=${encodeURIComponent('event: reset\ndata: {"reason":"expired"}\n\n')}&number=2`), { pauseWhenHidden: '300ms' });
    await lost.counts(1); // A page that is opened hidden has a stream at first.
    await lost.ends('paused');
    setVisibility('visible');
    await until(() => lost.resets.length, () => 'a reset');
    same(lost.resets, [{ reason: 'expired' }]);
  },

  async A_page_that_is_frozen_holds_no_stream() {
    const seen = follow(stream(), { pauseWhenHidden: '5m' });
    await seen.counts(5);
    setVisibility('hidden');
    document.dispatchEvent(new Event('freeze'));
    await hasStreams(0);
    same(seen.states.at(-1), 'paused');
    document.dispatchEvent(new Event('resume'));
    setVisibility('visible');
    await seen.goesOn();
    same((await requests()).length, 2);
  },

  async A_pause_is_a_time() {
    for (const pauseWhenHidden of ['', '60', 's', '-1s', '1.2.3s', '1 s', '1h', '60000m', -1, NaN, Infinity, 2 ** 31, null, true, {}]) {
      let error;
      try {
        subscribe(stream(), { pauseWhenHidden });
      } catch (thrown) {
        error = thrown;
      }
      check(error instanceof TypeError && error.message.startsWith('pauseWhenHidden is '), `${pauseWhenHidden}: ${error}`);
    }
    for (const pauseWhenHidden of [undefined, 0, 1.5, 60_000, '60s', '5m', '500ms', '0.5s']) subscribe(stream(), { pauseWhenHidden }).close();
    await hasStreams(0);
  },

  async A_pause_that_is_refused_opens_no_stream() {
    let error;
    try {
      subscribe(stream(), { pauseWhenHidden: '60' });
    } catch (thrown) {
      error = thrown;
    }
    check(error instanceof TypeError, `${error}`);
    dispatchEvent(new Event('online')); // As after 30 s, when its stream is taken for unreachable.
    await wait(2000);
    await hasRequests(0);
  },

  // All tabs are hidden, so no stream is open. Then somebody opens another tab.
  async A_paused_tab_misses_nothing_when_another_one_is_opened() {
    const shared = { shareTabs: true };
    const seen = follow('/topics/x', { ...shared, pauseWhenHidden: '300ms' });
    await until(() => seen.subscription.lastEventId, () => 'a position');
    await publish('x', '1');
    await seen.counts(1);
    setVisibility('hidden');
    await seen.ends('paused');
    for (const number of [2, 3]) await publish('x', number);
    const other = follow('/topics/x', shared); // It has no pause, as if it were in a tab that is shown.
    await until(() => other.subscription.lastEventId, () => 'a position');
    setVisibility('visible');
    await wait(1000);
    await publish('x', '4');
    await until(() => seen.data.at(-1) === '4', () => JSON.stringify(seen));
    same([seen.data, seen.resets], [['1', '2', '3', '4'], []]);
  },

  async A_worker_is_never_hidden() {
    const script = `import { subscribe } from '${location.origin}/funcsse.js';
      subscribe('${location.origin}/stream', { pauseWhenHidden: '1ms', onEvent: ({ data }) => postMessage(data) });`;
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), { type: 'module' });
    const got = [];
    worker.onmessage = ({ data }) => got.push(data);
    worker.onerror = ({ message }) => got.push(message);
    await until(() => got.length >= 5, () => got.join());
    same(got.slice(0, 5), ['1', '2', '3', '4', '5']);
    worker.terminate();
  },

  async Tabs_that_share_a_stream_are_paused_when_all_of_them_are_hidden() {
    const [leader, tab] = await twoTabs('300ms');
    setVisibility('hidden', leader);
    await goOn(leader);
    await wait(5000); // The leader looks for tabs that are shown every 2.5 to 3.5 s.
    for (const one of [leader, tab]) await goOn(one);
    same((await requests()).length, 1);
    for (const shown of [leader, tab]) {
      for (const one of [leader, tab]) setVisibility('hidden', one);
      await hasStreams(0);
      for (const { seen } of [leader, tab]) await seen.ends('paused');
      setVisibility('visible', shown);
      for (const one of [leader, tab]) await goOn(one);
      for (const { seen } of [leader, tab]) same(seen.states.slice(-3), ['paused', 'reconnecting', 'open']);
    }
    same((await requests()).length, 3);
    tab.seen.isWhole(Number(tab.seen.data[0]));
    tab.close();
    await leader.seen.ends('paused');
    await hasStreams(0);
    setVisibility('visible', leader);
    await goOn(leader);
    leader.seen.isWhole();
    leader.close();
  },

  async A_tab_with_a_stream_of_its_own_is_paused_too() {
    const leader = follow(stream(), { shareTabs: true, lastEventId: '100', pauseWhenHidden: '300ms' });
    await leader.counts(5);
    const seen = follow(stream(), { shareTabs: true, lastEventId: '50', pauseWhenHidden: '300ms' });
    await seen.counts(10);
    setVisibility('hidden');
    await hasStreams(0);
    for (const one of [leader, seen]) await one.ends('paused');
    setVisibility('visible');
    for (const [one, first] of [[leader, 101], [seen, 51]]) {
      await one.counts(one.data.length + 10);
      one.isWhole(first);
      same(one.resets, []);
    }
    same((await requests()).length, 4);
  },

  // The stream is cut before its first event.
  async A_position_frame_sets_the_last_event_id() {
    const seen = [];
    const source = new EventSource(throughProxy(`first=${encodeURIComponent('event: position\nid: 41\ndata: \n\n')}&every=500`));
    source.onmessage = ({ data }) => seen.push(data);
    await new Promise((done) => source.addEventListener('position', done));
    await control('refuse');
    await control('listen');
    await until(() => seen.length > 0, () => 'an event');
    same(seen, ['42']);
    same((await requests())[1], 'after 41 with ');
  },

  async Values_come_without_a_stream_that_goes_on_from_them() {
    await publish('x/1', 'one', 'kind');
    const { position, values: [value, ...others] } = await values('/topics/x/*');
    check(Math.abs(value.published - Date.now()) < 60_000, value.published);
    same([{ ...value, published: 0 }, others], [{ id: null, topic: 'x/1', type: 'kind', published: 0, retained: true, data: 'one' }, []]);
    await publish('x/1', 'two', 'kind');
    const got = [];
    const options = { types: ['kind'], envelope: true, onEvent: (event) => got.push(event) };
    subscribe('/topics/x/*', { ...options, lastEventId: position });
    await until(() => got.length, () => 'the event');
    subscribe('/topics/x/*?envelope=json', { ...options, envelope: false });
    await until(() => got.length > 1, () => 'the value');
    same(got.map(({ topic, type, retained, data, lastEventId }) => [topic, type, retained, data, lastEventId !== '']),
      [['x/1', 'kind', false, 'two', true], ['x/1', 'kind', true, 'two', false]]);
    same(got[0].published, got[1].published);
    check(got[0].published > value.published && got[0] instanceof MessageEvent, got[0].published);
  },

  async Values_are_asked_for_again_unless_they_are_refused() {
    same(await values(stream('status=503&failures=1')), { position: 'p', values: [] });
    const tickets = ['first', 'second'];
    same(await values(stream('ticket=first&access_token=old'), { getTicket: () => tickets.shift() }), { position: 'p', values: [] });
    same(await requests(), ['after  with ', 'after  with ', 'after  with old', 'after  with first']);
    const statusOf = (parameters, options) => values(stream(parameters), options).catch(({ response }) => response.status);
    same(await statusOf('ticket=never', { getTicket: () => tickets.shift() }), 401);
    same(await statusOf('status=400'), 400);
    same((await requests()).length, 6);
  },

  async A_tab_that_comes_later_gets_the_values_before_what_it_is_told_meanwhile() {
    const tab = (options) => {
      const got = [];
      subscribe('/topics/x/*', { shareTabs: true, types: ['kind'], onEvent: ({ type, data }) => got.push(`${type} ${data}`), ...options });
      return got;
    };
    await publish('x/1', 'one', 'kind');
    await publish('x/2', 'two', 'other');
    const envelopes = [];
    const options = { envelope: true, onEvent: ({ topic, retained, data }) => envelopes.push(`${topic} ${retained} ${data}`) };
    const first = tab();
    tab(options);
    await until(() => first.length && envelopes.length, () => 'the values of two leaders');
    const { fetch } = window;
    const hold = Promise.withResolvers();
    let answers = 0;
    window.fetch = async (...request) => {
      const response = await fetch(...request);
      answers++;
      await hold.promise;
      return response;
    };
    const second = tab();
    tab(options);
    await until(() => answers === 2, () => 'the values');
    window.fetch = fetch;
    await publish('x/1', 'three', 'kind');
    await until(() => first.length === 2 && envelopes.length === 2, () => first);
    same(second, []);
    hold.resolve();
    await until(() => second.length === 2 && envelopes.length === 4, () => JSON.stringify([second, envelopes]));
    for (const got of [first, second]) same(got, ['kind one', 'kind three']);
    same(envelopes, ['x/1 true one', 'x/1 false three', 'x/1 true one', 'x/1 false three']);
  },

  // Its leader no longer has what follows the id of the tab.
  async A_tab_that_lost_events_gets_the_values_again() {
    await publish('x', 'one');
    const [first, second] = [1, 2].map(() => follow('/topics/x', { shareTabs: true }));
    await until(() => second.subscription.lastEventId && second.data.length, () => 'the value');
    await wait(300); // It may come twice to a tab that opens together with its leader.
    const { subscription: { lastEventId }, data: { length } } = second;
    new BroadcastChannel(`funcsse ${new URL('/topics/x', location.href)} `).postMessage({ lost: lastEventId, position: lastEventId, topic: true });
    await second.counts(length + 1);
    same([first.resets, first.data], [[], ['one']]);
    same([second.resets, second.data.at(-1)], [[{ reason: 'unknown' }], 'one']);
  },

  async A_tab_that_cannot_get_the_values_is_told_so() {
    const { fetch } = window;
    for (const [status, reason] of [[400, 'overflow'], [403, 'unknown']]) {
      window.fetch = async () => new Response('', { status });
      const tabs = [1, 2].map(() => follow(`/topics/${status}`, { shareTabs: true }));
      await until(() => tabs.some(({ resets }) => resets.length), () => 'a reset').finally(() => { window.fetch = fetch; });
      await fetch(`/topics/${status}`, { method: 'POST', body: '1', headers: { 'x-functions-key': 'key' } });
      for (const tab of tabs) await tab.counts(1);
      same(tabs.flatMap(({ resets }) => resets), [{ reason }]);
    }
  },

  async A_post_stream_is_parsed_as_the_standard_says() {
    const text = '\ufeffid: 1\rdata: ä€😀\r\rdata\r\n\r\n: comment\nretry: 5\nevent: t\nid: \0\ndata:a\ndata:  b\r\ndata: c\n\n'
      + 'event: nothing\n\nid\ndata: x: y\n\nid: 9\n\ndata: \u2028z\n\ndata: incomplete';
    const expected = [
      { type: 'message', data: 'ä€😀', lastEventId: '1' }, { type: 'message', data: '', lastEventId: '1' },
      { type: 't', data: 'a\n b\nc', lastEventId: '1' }, { type: 'message', data: 'x: y', lastEventId: '' },
      { type: 'message', data: '\u2028z', lastEventId: '9' },
    ];
    for (const piece of [1, 2, 3, 7, 10_000]) {
      const events = [];
      for await (const event of post(`/echo?piece=${piece}`, text)) events.push(event);
      same(events, expected);
    }
  },

  async A_post_stream_tells_end_error_and_abort_apart() {
    const read = async (url, act, options) => {
      const events = [];
      try {
        for await (const event of post(url, 'data: 1\n\ndata: 2\n\n', options)) {
          events.push(event.data);
          act?.();
        }
        return [events.join(), 'end'];
      } catch (error) {
        return [events.join(), error.name, error.response?.status];
      }
    };
    same(await read('/echo?piece=100'), ['1,2', 'end']);
    same(await read('/echo?piece=100&end=cut'), ['1,2', 'TypeError', null]);
    same(await read('/nothing'), ['', 'Error', 404]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    same(await read('/echo?piece=100&end=never', undefined, { signal: stop.signal }), ['1,2', 'AbortError', null]);
    const again = new AbortController();
    same(await read('/echo?piece=9&end=never', () => again.abort(), { signal: again.signal }), ['1', 'AbortError', null]);
  },
};

try {
  await scenarios[scenario]();
  await fetch('/report', { method: 'POST', body: 'passed' });
} catch (error) {
  await fetch('/report', { method: 'POST', body: `${error}\n${error.stack}` });
}
