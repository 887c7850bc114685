import { expect, test } from 'vitest';
import type { LiveEvent } from '../../core/run-record.ts';
import { exportCsv } from '../../electron/runs/run-export.ts';
import { record } from './support/run-record.ts';

test('the CSV says where the figures come from, and no text in it becomes a formula', () => {
  const events: LiveEvent[] = [
    { kind: 'sent', hostAtMs: 0, requestId: 'r1', app: 'gmail', promptIndex: 0, slo: null },
    { kind: 'sent', hostAtMs: 0, requestId: 'r2', app: 'gmail', promptIndex: 1, slo: null },
    { kind: 'client-failed', hostAtMs: 1, requestId: 'r1', app: 'gmail', failure: '=cmd|"x", and more' },
  ];
  const { text, fileName } = exportCsv(record('a'), events);
  expect(fileName).toBe('bungee-a.csv');
  const lines = text.split('\r\n');
  expect(lines.filter((line) => line.startsWith('#')).join('\n')).toContain('VIRTUAL PHONE');
  const [header = '', r1 = '', r2 = ''] = lines.filter((line) => !line.startsWith('#'));
  expect(header).toContain('ttft_ms');
  expect(r1).toContain(`"'=cmd|""x"", and more"`);
  expect(r2.split(',')[3]).toBe('cut-off');
  expect(r2.split(',')).toHaveLength(header.split(',').length);
});

test('the CSV of an emulated phone names no processor as the source of its figures', () => {
  const { environment } = record('a');
  const { text } = exportCsv(record('a', { environment: { ...environment, emulated: true } }), []);
  expect(text).toContain('EMULATED ARM64, figures of no processor');
  expect(text).not.toContain('figures of this CPU');
});
