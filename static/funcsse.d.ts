/**
 * It is `connecting` until the first stream is open, and `paused` while `pauseWhenHidden` keeps the stream closed. `failed` (400, 403, or 401
 * without `getTicket`) and `closed` are final.
 */
export type State = 'connecting' | 'open' | 'reconnecting' | 'paused' | 'failed' | 'closed';

/** What is known about a change of the state. */
export interface Detail {
  /**
   * `lost` (the connection), `silent`, `slept`, `online`, `returned` (from the back-forward cache), `hidden` and `shown` (`pauseWhenHidden`),
   * `expired` (the ticket), `ticket` (`getTicket` failed or took too long), `refused` (see `status` and `response`), `unreachable` (no answer,
   * or no stream within `openTimeout`), `ended` (204), `close`.
   */
  reason?: string;
  status?: number;
  /** The answer to a HEAD, or to a GET where HEAD gets a 405. */
  response?: Response;
  /** Milliseconds until the next try. Without it the browser itself comes back. */
  delay?: number;
}

/** An event of a stream. The last three are there with an envelope. */
export interface StreamEvent extends MessageEvent<string> {
  readonly topic?: string;
  /** By the publisher's clock. */
  readonly published?: Date;
  /** Whether it is the value that the topic had when the stream began. */
  readonly retained?: boolean;
}

/** A retained value of a topic. */
export interface Value {
  id: null;
  topic: string;
  /** `null` for a value without a type. */
  type: string | null;
  /** By the publisher's clock. */
  published: Date;
  retained: true;
  data: string;
}

export interface Options {
  /** Gets each event once. Retained values come when the stream begins, or begins anew after a loss; the same value may come twice. */
  onEvent?: (event: StreamEvent) => void;
  /**
   * Events were lost (`expired`, `unknown`), or the topics have too many retained values for a stream (`overflow`): load the state anew. The
   * retained values (not with `overflow`) and later events follow.
   */
  onReset?: (reset: { reason: string }) => void;
  /** Hears each change, and again when more is known about it. */
  onState?: (state: State, detail: Detail) => void;
  /** The named event types to pass on, besides events without a type. */
  types?: readonly string[];
  /** Asks a topic stream for `envelope=json`. Each event then has its `topic`, `published` and `retained`; `data` is what was published. */
  envelope?: boolean;
  /** The first stream begins after this event. */
  lastEventId?: string;
  /**
   * Returns a ticket for `?access_token=`, or nothing after it renewed a cookie. It is called before the first stream (unless the address
   * has a ticket), after a 401 and after an `expired` event.
   */
  getTicket?: () => Promise<string | void> | string | void;
  /** As for `EventSource`. */
  withCredentials?: boolean;
  /**
   * Milliseconds without an event after which a stream is dead. The default is 2.5 intervals of its `keep-alive` and `position` events, 5 s
   * at least and 40 s at first. A stream without such events is never dead.
   */
  silence?: number | (() => number | undefined);
  /** Milliseconds that a stream or a ticket may take (30,000). */
  openTimeout?: number;
  /**
   * One stream for all tabs with the same address and types, in a secure context. Only ids make it lossless. On a topic stream, a tab that comes
   * later gets the retained values too; if they cannot be read, `onReset` is called with `unknown`.
   */
  shareTabs?: boolean;
  /**
   * Closes the stream when the page has been hidden for this time (or the browser freezes it), and opens it after the last event when the page is
   * shown: `'60s'`, `'5m'`, `'500ms'`, or a number of milliseconds. Anything else throws a `TypeError`. Without it, and in a worker, a stream is not
   * paused. With `shareTabs` the stream closes within seconds when all tabs that share it are hidden, and opens when one of them is shown; tabs without
   * the option keep it open. Only ids make it lossless.
   */
  pauseWhenHidden?: number | string;
}

export interface Subscription {
  readonly state: State;
  readonly lastEventId: string;
  close(): void;
}

/** Subscribes to an event stream and keeps the subscription through whatever happens to its connections. */
export function subscribe(url: string | URL, options?: Options): Subscription;

/**
 * Reads the retained values of topics, and the position from which a subscription goes on: `subscribe(url, { lastEventId: position })`. After a 503
 * or no answer it tries again, four times, and waits for up to 1, 2, 4 and 8 seconds, or `Retry-After` if it is longer. Then, and after any other
 * status, it throws an error, which has the `response` if there was one. `getTicket` is called as for `subscribe`; what it throws is thrown.
 */
export function values(
  url: string | URL,
  options?: Pick<Options, 'getTicket' | 'withCredentials' | 'openTimeout'>,
): Promise<{ position: string; values: Value[] }>;

/**
 * Makes one segment of a topic's name of any text, such as a user's id. The letters `A-Z a-z`, digits and `-._` stay as they are, each other
 * UTF-8 byte becomes `~` and two upper-case hexadecimal digits, also the dots of `.` and `..`, and the empty text becomes `~`. No two texts
 * have the same segment. A text that UTF-8 cannot encode (half a surrogate pair) throws a `URIError`.
 */
export function escapeTopic(text: string): string;

/**
 * Sends a POST and yields the events of the stream that answers. At the stream's end the iteration ends. An abort throws the signal's reason
 * (an `AbortError`). All else throws an error, which has the `response` if that was not a stream. A `break` closes the stream.
 */
export function post(
  url: string | URL,
  body?: BodyInit | null,
  options?: { headers?: HeadersInit; signal?: AbortSignal; credentials?: RequestCredentials },
): AsyncGenerator<{ type: string; data: string; lastEventId: string }, void, void>;
