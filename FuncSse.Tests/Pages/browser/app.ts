// An app in TypeScript that imports the package of the browser module. It is compiled and not run.

import { escapeTopic, post, subscribe, values, type Detail, type Options, type State, type Subscription } from 'funcsse';

const options: Options = {
  types: ['order'],
  shareTabs: true,
  getTicket: async () => 'ticket',
  silence: () => undefined,
  envelope: true,
  onEvent: ({ type, data, lastEventId, topic, published, retained }) => console.log(type.length, data.length, lastEventId.length, topic?.length,
    published?.getTime(), retained === true),
  onReset: ({ reason }) => console.log(reason.length),
  onState: (state: State, { reason, status, response, delay }: Detail) => console.log(state === 'open', reason, status, response?.url, delay),
};

const subscription: Subscription = subscribe(`/topics/users/${escapeTopic('auth0|5f7c')}`, options);
console.log(subscription.state, subscription.lastEventId.length);
subscribe(new URL('https://example.com/events')).close();

// @ts-expect-error A state is not for the app to change.
subscription.state = 'open';
// @ts-expect-error There is no such option.
subscribe('/events', { retry: 1 });

const state = await values('/topics/sensors/*', { getTicket: () => 'ticket' });
console.log(state.position.length, ...state.values.map(({ topic, type, published, data }) => [topic.length, type?.length, published.getTime(), data.length]));

const answer = post('/answer', 'a prompt', { headers: { authorization: 'Bearer t' }, signal: new AbortController().signal });
for await (const { type, data, lastEventId } of answer) console.log(type.length, data.length, lastEventId.length);

export {};
