import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import type { LiveEvent } from '../../core/run-record.ts';

/** A window gets at most one update in this time. */
export const UPDATE_EVERY_MS = 50;
/** Live events that wait for one slow window; older ones are dropped, and counted. */
export const MAX_BACKLOG_EVENTS = 20_000;

interface Subscriber {
  readonly deliver: (update: DesktopUpdate) => boolean;
  backlog: LiveEvent[];
  dropped: number;
  hasNewState: boolean;
  isReady: boolean;
}

export interface Subscription {
  unsubscribe(): void;
  /** The window takes updates again, after `deliver` returned false. */
  ready(): void;
}

/**
 * Batches state and live events to the windows. Idle costs nothing: no timer runs while there is nothing to
 * say.
 */
export class UpdateHub {
  readonly #state: () => DesktopState;
  readonly #subscribers = new Set<Subscriber>();
  #timer: NodeJS.Timeout | undefined;
  #flushedAtMs = Number.NEGATIVE_INFINITY;

  constructor(state: () => DesktopState) {
    this.#state = state;
  }

  /**
   * @param deliver hands an update on; false = it took this one but can take no more until `ready`.
   * The first update, with the whole state, comes at once.
   */
  subscribe(deliver: (update: DesktopUpdate) => boolean): Subscription {
    const subscriber: Subscriber = { deliver, backlog: [], dropped: 0, hasNewState: true, isReady: true };
    this.#subscribers.add(subscriber);
    this.#deliver(subscriber);
    return {
      unsubscribe: () => void this.#subscribers.delete(subscriber),
      ready: () => {
        subscriber.isReady = true;
        this.#schedule();
      },
    };
  }

  stateChanged(): void {
    for (const subscriber of this.#subscribers) subscriber.hasNewState = true;
    this.#schedule();
  }

  live(event: LiveEvent): void {
    for (const subscriber of this.#subscribers) {
      subscriber.backlog.push(event);
      const excess = subscriber.backlog.length - MAX_BACKLOG_EVENTS;
      if (excess > 0) {
        // In larger steps: shifting one by one is quadratic.
        const cut = Math.max(excess, MAX_BACKLOG_EVENTS / 10);
        subscriber.backlog = subscriber.backlog.slice(cut);
        subscriber.dropped += cut;
      }
    }
    this.#schedule();
  }

  /** Sends what waits; no more updates follow. */
  close(): void {
    this.#flush();
    this.#subscribers.clear();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#subscribers.size === 0) return;
    const waitMs = Math.max(0, UPDATE_EVERY_MS - (performance.now() - this.#flushedAtMs));
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, waitMs);
  }

  #flush(): void {
    this.#flushedAtMs = performance.now();
    for (const subscriber of this.#subscribers) this.#deliver(subscriber);
  }

  #deliver(subscriber: Subscriber): void {
    const { backlog, hasNewState, dropped } = subscriber;
    if (!subscriber.isReady || (!hasNewState && backlog.length === 0)) return;
    subscriber.backlog = [];
    subscriber.hasNewState = false;
    subscriber.isReady = subscriber.deliver({
      ...(hasNewState ? { state: this.#state() } : {}),
      live: backlog,
      dropped,
    });
  }
}
