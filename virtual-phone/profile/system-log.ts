/** The phone's own log buffer, as `logcat` shows it. */

export type LogPriority = 'D' | 'I' | 'W' | 'E';

const MAX_LINES = 2000;

export class SystemLog {
  #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  add(priority: LogPriority, tag: string, text: string): void {
    const at = new Date();
    const two = (value: number): string => String(value).padStart(2, '0');
    const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
    const pid = String(process.pid).padStart(5);
    const line = `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time} ${pid} ${pid} ${priority} ${tag.padEnd(8)}: ${text}`;
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES / 2);
    for (const listener of this.#listeners) listener(line);
  }

  lines(): readonly string[] {
    return this.#lines;
  }

  clear(): void {
    this.#lines = [];
  }

  /** @returns stops listening. */
  follow(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
