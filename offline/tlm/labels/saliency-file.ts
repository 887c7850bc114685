import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { z } from 'zod';
import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import type { Saliency } from './saliency-model.ts';

const lineSchema = z.object({ key: z.string(), loss: z.number(), saliency: z.array(z.number()) });

/** Digits that a label keeps: more than its noise, and a fifth of the bytes. */
const DIGITS = 4;

/** Of prompt and answer in tokens, and of the model: a label belongs to exactly these. */
export function labelKey(modelSha256: string, { prompt, answer }: AnsweredPrompt): string {
  const text = JSON.stringify([modelSha256, prompt.tokens, answer]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** Labels found so far, one line each; a kill loses at most the line that was being written. */
export class SaliencyFile {
  readonly #found = new Map<string, Saliency>();
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static open(path: string): SaliencyFile {
    let whole = 0;
    const lines: z.infer<typeof lineSchema>[] = [];
    if (existsSync(path)) {
      const bytes = readFileSync(path);
      for (let end = bytes.indexOf(10, whole); end >= 0; end = bytes.indexOf(10, whole)) {
        const line = parsedLine(bytes.subarray(whole, end).toString('utf8'));
        if (line === null) break;
        lines.push(line);
        whole = end + 1;
      }
      truncateSync(path, whole);
    }
    const file = new SaliencyFile(openSync(path, 'a'));
    for (const { key, loss, saliency } of lines)
      file.#found.set(key, { loss, tokens: Float32Array.from(saliency) });
    return file;
  }

  get(key: string): Saliency | undefined {
    return this.#found.get(key);
  }

  /** Keeps a label as it will be read again. */
  add(key: string, { loss, tokens }: Saliency): Saliency {
    const saliency = Array.from(tokens, (value) => Number(value.toPrecision(DIGITS)));
    const bytes = Buffer.from(
      `${JSON.stringify({ key, loss: Number(loss.toPrecision(DIGITS)), saliency })}\n`,
    );
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
    fsyncSync(this.#fd);
    const kept = { loss: Number(loss.toPrecision(DIGITS)), tokens: Float32Array.from(saliency) };
    this.#found.set(key, kept);
    return kept;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function parsedLine(text: string): z.infer<typeof lineSchema> | null {
  try {
    const parsed = lineSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
