/** One server-sent event. */
export interface ServerSentEvent {
  readonly id: string | null;
  readonly data: string;
}

/** Cuts a text stream into server-sent events (WHATWG HTML §9.2), whatever the chunks; comments are skipped. */
export class SseParser {
  #rest = '';
  #data: string[] = [];
  #id: string | null = null;

  push(text: string): ServerSentEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) events.push({ id: this.#id, data: this.#data.join('\n') });
        this.#data = [];
        this.#id = null;
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'data') this.#data.push(value);
      else if (name === 'id') this.#id = value;
    }
    return events;
  }
}
