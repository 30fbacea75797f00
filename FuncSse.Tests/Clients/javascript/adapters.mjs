// One adapter for each client, as its README says to use it. An adapter tells each event's data with on.event, and on.end as soon as the
// client lets its user know that nothing more comes.

const final = [204, 400, 401, 403]; // Asking again cannot help.

// The clients with the interface of a browser's EventSource.
function listen(source, on) {
  source.addEventListener('message', ({ data }) => data && on.event(data)); // extended-eventsource takes a retry for an empty message
  source.addEventListener('error', () => setTimeout(() => source.readyState === 2 && on.end('error, readyState 2')));
  return source;
}

// For clients that would come back after an expired ticket for ever.
function closeWhenExpired(source, on) {
  source.addEventListener('expired', () => {
    source.close();
    on.end('expired');
  });
}

const script = (address) => new Promise((onload, onerror) => document.head.append(Object.assign(document.createElement('script'), { src: address, onload, onerror })));

export const adapters = {
  async EventSource(url, on) {
    listen(new EventSource(url), on);
  },

  async 'EventSource of the same origin'(url, on) {
    const { origin, pathname, search } = new URL(url);
    addEventListener('message', (message) => {
      if (message.origin === origin) message.data.end ? on.end(message.data.end) : on.event(message.data.data);
    });
    const frame = document.createElement('iframe');
    frame.src = `${origin}/frame?${encodeURIComponent(pathname + search)}`;
    document.body.append(frame);
  },

  async eventsource(url, on) {
    const { EventSource } = await import('eventsource');
    listen(new EventSource(url), on);
  },

  async eventsource2(url, on) {
    const { default: EventSource } = await import('eventsource2');
    listen(new EventSource(url), on);
  },

  async undici(url, on) {
    const { EventSource } = await import('undici');
    listen(new EventSource(url), on);
  },

  async 'launchdarkly-eventsource'(url, on) {
    const { EventSource } = await import('launchdarkly-eventsource');
    listen(new EventSource(url, { readTimeoutMillis: 60_000 }), on);
  },

  async 'extended-eventsource'(url, on) {
    const { EventSource } = await import('extended-eventsource');
    listen(new EventSource(url, { disableLogger: true }), on);
  },

  async 'reconnecting-eventsource'(url, on) {
    const { default: ReconnectingEventSource } = await import('reconnecting-eventsource');
    closeWhenExpired(listen(new ReconnectingEventSource(url), on), on);
  },

  async 'event-source-polyfill'(url, on) {
    await script('/packages/event-source-polyfill/src/eventsource.js');
    listen(new window.EventSourcePolyfill(url), on);
  },

  async 'eventsource-client'(url, on) {
    const { createEventSource } = await import('eventsource-client');
    const source = createEventSource({
      url,
      async fetch(address, options) {
        const response = await fetch(address, options);
        if (final.includes(response.status)) {
          source.close();
          on.end(response.status);
        }
        return response;
      },
    });
    for await (const { event, data } of source) if (!event) on.event(data);
  },

  async 'sse.js'(url, on) {
    const { SSE } = await import('sse.js');
    const source = listen(new SSE(url, { autoReconnect: true }), { event: on.event, end() {} }); // It is closed each time that it waits.
    source.addEventListener('open', ({ responseCode }) => {
      if (!final.includes(responseCode)) return;
      source.close();
      on.end(responseCode);
    });
  },

  async 'htmx-ext-sse'(url, on) {
    await script('/packages/htmx.org/dist/htmx.js');
    await script('/packages/htmx-ext-sse/sse.js');
    window.htmx.createEventSource = (address) => new EventSource(address); // Its own sends cookies, which an answer for any origin forbids.
    const element = Object.assign(document.createElement('div'), { innerHTML: `<div hx-ext="sse" sse-connect="${url}" sse-swap="message" sse-close="expired"></div>` });
    element.addEventListener('htmx:sseMessage', ({ detail }) => on.event(detail.data));
    element.addEventListener('htmx:sseClose', () => on.end('expired'));
    document.body.append(element);
    window.htmx.process(element);
  },

  async 'fetch-event-source'(url, on) {
    const { fetchEventSource } = await import('@microsoft/fetch-event-source');
    const { run } = await import('/recipes/0.mjs'); // docs/clients.md
    await run({ fetchEventSource, url, show: on.event });
  },

  async 'funcsse.js'(url, on) {
    const { subscribe } = await import('/funcsse.js');
    subscribe(url, {
      onEvent: ({ data }) => on.event(data),
      onState: (state, { reason }) => ['closed', 'failed'].includes(state) && on.end(reason),
    });
  },

  // The others ask once, by POST, for an answer that cannot be resumed.

  async openai(url, on) {
    const { default: OpenAI } = await import('openai');
    const client = new OpenAI({ baseURL: url, apiKey: 'none' });
    for await (const { choices } of await client.chat.completions.create({ model: 'none', stream: true, messages: [{ role: 'user', content: 'Count' }] })) {
      if (choices[0].delta.content) on.event(choices[0].delta.content);
    }
    on.end('ended');
  },

  async ai(url, on) {
    const { DefaultChatTransport } = await import('ai');
    const messages = [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Count' }] }];
    const parts = await new DefaultChatTransport({ api: url }).sendMessages({ trigger: 'submit-message', chatId: '1', messageId: undefined, messages });
    for await (const { type, delta } of parts) if (type === 'text-delta') on.event(delta);
    on.end('ended');
  },

  async '@ag-ui/client'(url, on) {
    const { HttpAgent } = await import('@ag-ui/client');
    const agent = new HttpAgent({ url, threadId: '1', initialMessages: [{ id: '1', role: 'user', content: 'Count' }] });
    await agent.runAgent({ runId: '1' }, { onTextMessageContentEvent: ({ event }) => on.event(event.delta) });
    on.end('ended');
  },

  async 'fetch-event-source POST'(url, on) {
    const { fetchEventSource } = await import('@microsoft/fetch-event-source');
    const { run } = await import('/recipes/1.mjs'); // docs/clients.md
    await run({ fetchEventSource, url, prompt: 'Count', show: on.event });
    on.end('ended');
  },

  async 'funcsse.js post'(url, on) {
    const { post } = await import('/funcsse.js');
    for await (const { data } of post(url, 'Count')) on.event(data);
    on.end('ended');
  },
};
