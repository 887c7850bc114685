import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type LiveEvent, liveEventSchema, type RunRecord, runRecordSchema } from '../../core/run-record.ts';
import { errorCode, errorMessage, writeFileAtomic } from '../files/atomic-file.ts';
import { EventLog } from './event-log.ts';

const RECORD = 'run.json';
const EVENTS = 'events.jsonl';
const RUN_ID = /^[\w-]{1,80}$/;

/**
 * Runs on disk: a folder each, `run.json` replaced whole and `events.jsonl` appended. Failures: `run-unknown`,
 * `run-damaged`, `state-unwritable`.
 */
export class RunStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes the record and opens the event log. */
  async create(record: RunRecord): Promise<Result<EventLog>> {
    try {
      await mkdir(join(this.#folder, record.id), { recursive: true });
      await this.#write(record);
      return ok(new EventLog(await open(join(this.#folder, record.id, EVENTS), 'a')));
    } catch (error) {
      return this.#unwritable(error);
    }
  }

  async update(record: RunRecord): Promise<Result<null>> {
    try {
      await this.#write(record);
      return ok(null);
    } catch (error) {
      return this.#unwritable(error);
    }
  }

  /** Newest first; folders without a readable record are left out (they stay on disk). */
  async list(): Promise<RunRecord[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const records: RunRecord[] = [];
    for (const name of names) {
      const record = await this.record(name);
      if (record.ok) records.push(record.value);
    }
    return records.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  }

  async record(id: string): Promise<Result<RunRecord>> {
    if (!RUN_ID.test(id)) return unknownRun(id);
    const path = join(this.#folder, id, RECORD);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR'
        ? unknownRun(id)
        : fail('run-damaged', `${path} can't be read: ${errorMessage(error)}.`);
    }
    const parsed = parseJsonWith(runRecordSchema, text, path);
    return parsed.ok ? parsed : fail('run-damaged', parsed.failure.message, 'Delete the run.');
  }

  async read(id: string): Promise<Result<{ run: RunRecord; events: LiveEvent[] }>> {
    const record = await this.record(id);
    if (!record.ok) return record;
    const text = await readFile(join(this.#folder, id, EVENTS), 'utf8').catch(() => '');
    return ok({ run: record.value, events: parseEvents(text) });
  }

  async delete(id: string): Promise<Result<null>> {
    if (!RUN_ID.test(id)) return unknownRun(id);
    try {
      await rm(join(this.#folder, id), { recursive: true });
      return ok(null);
    } catch (error) {
      return errorCode(error) === 'ENOENT' ? unknownRun(id) : this.#unwritable(error);
    }
  }

  /**
   * Marks runs that a dead process left `running`. Call once at start, before a run begins.
   *
   * @returns their ids.
   */
  async markInterrupted(): Promise<string[]> {
    const left = (await this.list()).filter((record) => record.status === 'running');
    for (const record of left)
      await this.update({ ...record, status: 'interrupted', failure: 'Bungee ended while the run was on.' });
    return left.map((record) => record.id);
  }

  #write(record: RunRecord): Promise<void> {
    return writeFileAtomic(join(this.#folder, record.id, RECORD), `${JSON.stringify(record, null, 2)}\n`);
  }

  #unwritable(error: unknown): Result<never> {
    const full = errorCode(error) === 'ENOSPC';
    return fail(
      'state-unwritable',
      `Runs can't be written to ${this.#folder}: ${full ? 'the disk is full' : errorMessage(error)}.`,
      full ? 'Free some space, or delete old runs.' : 'Check the folder’s permissions, or set BUNGEE_STATE.',
    );
  }
}

function unknownRun(id: string): Result<never> {
  return fail('run-unknown', `There is no run ${id}.`);
}

/** Lines that are torn (a crash) or of a later version are left out. */
export function parseEvents(text: string): LiveEvent[] {
  const events: LiveEvent[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const event = parseJsonWith(liveEventSchema, line, EVENTS);
    if (event.ok) events.push(event.value);
  }
  return events;
}
