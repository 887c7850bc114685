import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { loadNamedSet } from '../../offline/datasets/named-set.ts';

/** A server in the place of hub and viewer; requests to either are sent here. */
let server: Server;
let cacheDir: string;
let asked: URL[];
let answer: (url: URL) => { status: number; body: string };
const toServer: typeof fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, init);
};

beforeEach(async () => {
  cacheDir = mkdtempSync(join(tmpdir(), 'bungee-named-'));
  asked = [];
  server = createServer((request, response) => {
    request.resume();
    const url = new URL(request.url ?? '/', 'http://hub');
    asked.push(url);
    const { status, body } = answer(url);
    const bytes = Buffer.from(body);
    // The hub's client learns a file's size from the answer to a range.
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    const to = range?.[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1;
    response.writeHead(range && status === 200 ? 206 : status, {
      'content-type': 'application/json',
      etag: '"abc"',
      ...(range ? { 'content-range': `bytes ${from}-${to}/${bytes.length}` } : {}),
    });
    response.end(bytes.subarray(from, to + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  rmSync(cacheDir, { recursive: true, force: true });
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

describe('loadNamedSet', () => {
  it('samples BookCorpus in runs of sentences over the whole set, once', async () => {
    answer = (url) => {
      const offset = Number(url.searchParams.get('offset'));
      const rows = [0, 1].map((n) => ({ row_idx: offset + n, row: { text: `sentence ${offset + n} .` } }));
      return { status: 200, body: JSON.stringify({ features: [], rows, num_rows_total: 74_004_228 }) };
    };
    const set = unwrap(await loadNamedSet('bookcorpus', { cacheDir, fetch: toServer }));
    expect(set.documents).toHaveLength(64);
    expect(set.documents[0]).toEqual({ prompt: null, text: 'sentence 0 . sentence 1 .' });
    const offsets = asked.map((url) => Number(url.searchParams.get('offset')));
    expect(Math.max(...offsets)).toBe(74_004_128);
    expect(asked.every((url) => url.searchParams.get('length') === '100')).toBe(true);
    const again = unwrap(await loadNamedSet('bookcorpus', { cacheDir, fetch: toServer }));
    expect(again).toEqual(set);
    expect(asked).toHaveLength(64);
  });

  it('reads alpaca-cleaned as answers to prompts', async () => {
    const records = JSON.stringify([{ instruction: 'Say', input: 'hello', output: 'Hello.' }]);
    answer = (url) =>
      url.pathname.includes('/paths-info/')
        ? {
            status: 200,
            body: JSON.stringify([
              {
                type: 'file',
                path: 'alpaca_data_cleaned.json',
                size: Buffer.byteLength(records),
                oid: 'abc',
                lastCommit: { id: 'c'.repeat(40), title: '', date: '2023-01-01T00:00:00.000Z' },
              },
            ]),
          }
        : { status: 200, body: records };
    const set = unwrap(await loadNamedSet('alpaca-cleaned', { cacheDir, fetch: toServer }));
    expect(set.documents).toEqual([{ prompt: 'Say\n\nhello', text: 'Hello.' }]);
    expect(asked[0]?.pathname).toContain('datasets/yahma/alpaca-cleaned');
  });

  it.each(['bookcorpus', 'alpaca-cleaned'] as const)('says that the hub does not give %s', async (name) => {
    answer = () => ({ status: 503, body: '{}' });
    const result = await loadNamedSet(name, { cacheDir, fetch: toServer });
    expect(result.ok ? '' : result.failure.code).toBe('hub-unreachable');
    expect(result.ok ? '' : result.failure.message).toContain(name);
  });

  it('takes no page of another form for text, and keeps nothing of it', async () => {
    answer = () => ({ status: 200, body: '{"error":"busy"}' });
    const result = await loadNamedSet('bookcorpus', { cacheDir, fetch: toServer });
    expect(result.ok ? '' : result.failure.detail).toMatch(/rows/);
    answer = () => ({ status: 200, body: JSON.stringify({ rows: [{ row: { text: 'a' } }] }) });
    expect(unwrap(await loadNamedSet('bookcorpus', { cacheDir, fetch: toServer })).documents).toHaveLength(
      64,
    );
  });

  it('can be cancelled', async () => {
    answer = () => ({ status: 200, body: JSON.stringify({ rows: [{ row: { text: 'a' } }] }) });
    const result = await loadNamedSet('bookcorpus', {
      cacheDir,
      fetch: toServer,
      signal: AbortSignal.abort(),
    });
    expect(result.ok ? '' : result.failure.code).toBe('cancelled');
  });
});
