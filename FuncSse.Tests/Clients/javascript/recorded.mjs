// Adapters of clients that read recorded answers. Each tells the words as they come, and how the answer ended. A start asks for an answer by POST;
// the others follow it. A client that does not come back by itself after a cut is asked to by its app, as here.

const question = { id: '1', role: 'user', parts: [{ type: 'text', text: 'Why?' }] };

async function newChat(url, on) {
  const { AbstractChat, DefaultChatTransport } = await import('ai');
  let told = '';
  const state = {
    status: 'ready',
    messages: [],
    snapshot: structuredClone,
    popMessage() { this.messages = this.messages.slice(0, -1); },
    pushMessage(message) { this.replaceMessage(this.messages.length, message); },
    replaceMessage(index, message) {
      this.messages = this.messages.toSpliced(index, 1, message);
      if (message.role !== 'assistant') return;
      const text = message.parts.map((part) => part.text ?? '').join('');
      if (text.length <= told.length) return; // A replay has begun.
      on.event(text.slice(told.length));
      told = text;
    },
  };
  const transport = new DefaultChatTransport({ api: url, prepareReconnectToStreamRequest: () => ({ api: url }) });
  return new (class Chat extends AbstractChat {})({ id: '1', state, transport });
}

const isCut = ({ error }) => /terminated|fetch|network|Connection error/.test(error?.message);

async function untilTheEnd(chat, on) {
  for (let tries = 0; isCut(chat) && tries < 5; tries++) await chat.resumeStream();
  on.end(chat.error?.message ?? 'ended');
}

// The formats of OpenAI and AG-UI have no way to resume, so the app shows the answer anew.
async function replay(read, on) {
  let told = 0;
  for (let tries = 0; ; tries++) {
    let count = 0;
    const failure = await read((word) => { if (++count > told) on.event(word); }).then(() => undefined, (error) => error);
    told = Math.max(told, count);
    if (!failure || tries === 5 || !isCut({ error: failure })) return on.end(failure?.message ?? 'ended');
  }
}

async function complete(url, word) {
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 });
  for await (const { choices } of await client.chat.completions.create({ model: 'none', stream: true, messages: [{ role: 'user', content: 'Why?' }] })) {
    if (choices[0].delta.content) word(choices[0].delta.content);
  }
}

async function runAgent(url, word, isFollowing) {
  const { HttpAgent } = await import('@ag-ui/client');
  // As docs/answers.md says.
  class RunFollower extends HttpAgent {
    requestInit() {
      return { method: 'GET', signal: this.abortController.signal };
    }
  }
  const agent = new (isFollowing ? RunFollower : HttpAgent)({ url, threadId: '1', initialMessages: [{ id: '1', role: 'user', content: 'Why?' }] });
  let failure;
  const cut = await agent.runAgent(isFollowing ? {} : { runId: '1' }, {
    onTextMessageContentEvent: ({ event }) => word(event.delta),
    onRunErrorEvent: ({ event }) => (failure = event),
  }).then(() => undefined, (error) => error);
  if (failure ?? cut) throw failure ?? cut; // After RUN_ERROR the connection breaks too.
}

function listen(source, on) {
  let end = 'ended';
  source.addEventListener('message', ({ data }) => on.event(data));
  source.addEventListener('broken', ({ data }) => (end = data));
  source.addEventListener('error', () => setTimeout(() => source.readyState === 2 && on.end(end)));
}

export const recorded = {
  async 'ai start'(url, on) {
    const chat = await newChat(url, on);
    await chat.sendMessage(question);
    await untilTheEnd(chat, on);
  },

  async 'ai follow'(url, on) {
    const chat = await newChat(url, on);
    await chat.resumeStream();
    await untilTheEnd(chat, on);
  },

  'openai recorded': (url, on) => replay((word) => complete(url, word), on),

  'ag-ui start': (url, on) => replay((word) => runAgent(url, word, false), on),

  'ag-ui follow': (url, on) => replay((word) => runAgent(url, word, true), on),

  // Nothing closes it but 204, which it gets when it comes back after the end.
  async 'eventsource recorded'(url, on) {
    const { EventSource } = await import('eventsource');
    listen(new EventSource(url), on);
  },

  async 'EventSource recorded'(url, on) {
    listen(new EventSource(url), on);
  },

  async 'funcsse.js recorded'(url, on) {
    const { subscribe } = await import('/funcsse.js');
    let end = 'ended';
    subscribe(url, {
      types: ['done', 'broken'],
      onEvent: ({ type, data }) => (type === 'message' ? on.event(data) : type === 'broken' ? (end = data) : undefined),
      onState: (state) => ['closed', 'failed'].includes(state) && on.end(end),
    });
  },

  async 'fetch recorded'(url, on) {
    let [id, end, tries] = ['', 'ended', 0];
    for (;;) {
      try {
        const response = await fetch(url, { headers: id ? { 'Last-Event-ID': id } : {} });
        if (response.status === 204) return on.end(end);
        let text = '';
        for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
          const frames = (text + piece).split('\n\n');
          text = frames.pop();
          for (const frame of frames.filter((one) => !one.startsWith(':'))) {
            const lines = frame.split('\n');
            const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
            if (lines[0] === 'event: broken') end = data;
            else if (lines[0] !== 'event: done') on.event(data);
            id = lines.at(-1).slice('id: '.length);
          }
        }
      } catch (error) {
        if (++tries === 20) throw error;
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  },
};
