import type { AgentEvent, UnstampedEvent } from '../../core/agent-event.ts';

/** Events kept for clients that come back: about one minute of a busy agent. */
export const EVENT_RING = 2_000;

/** Stamps events with an ascending number and the monotonic clock, keeps the latest, tells subscribers. */
export class EventLog {
  readonly #ring: AgentEvent[] = [];
  readonly #subscribers = new Set<(event: AgentEvent) => void>();
  #nextSeq = 0;

  emit(event: UnstampedEvent): void {
    const stamped: AgentEvent = { ...event, seq: this.#nextSeq++, atMs: performance.now() };
    this.#ring.push(stamped);
    if (this.#ring.length > EVENT_RING) this.#ring.shift();
    for (const subscriber of this.#subscribers) subscriber(stamped);
  }

  /** Kept events with a higher number than `seq`; a gap at the front means that older ones were dropped. */
  after(seq: number): AgentEvent[] {
    return this.#ring.filter((event) => event.seq > seq);
  }

  /** @returns a function that ends the subscription. */
  subscribe(subscriber: (event: AgentEvent) => void): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}
