import { expect, test } from 'vitest';
import type { PackName } from '../../../core/runtime-pack.ts';
import { choosePack, type PackSituation } from '../../../electron/packs/choose-pack.ts';
import { isAgentProcess } from '../../../electron/agent/agent-on-phone.ts';

const VIRTUAL = { kind: 'virtual', abi: 'x86_64' } as const;
const EMULATED = { kind: 'virtual', abi: 'arm64-v8a' } as const;
const PHONE = { kind: 'physical', abi: 'arm64-v8a' } as const;
const OLD_PHONE = { kind: 'physical', abi: 'armeabi-v7a' } as const;

const situation = (change: Partial<PackSituation>): PackSituation => ({
  device: PHONE,
  hostAbi: 'x86_64',
  wish: null,
  hasAndroid: false,
  ...change,
});

test.each<[string, Partial<PackSituation>, PackName, RegExp]>([
  ['the virtual phone', { device: VIRTUAL, hasAndroid: true }, 'host', /own Node/],
  ['a virtual phone on an ARM computer', { device: EMULATED, hostAbi: 'arm64-v8a' }, 'host', /own Node/],
  ['an emulated phone', { device: EMULATED, hasAndroid: true }, 'glibc-arm64', /emulates.*CPU only/],
  ['a phone, android pack at hand', { hasAndroid: true }, 'android', /NNAPI/],
  ['a phone, no android pack', {}, 'glibc-arm64', /npm run pack -- android.*CPU only/],
  ['a phone, asked for', { hasAndroid: true, wish: 'glibc-arm64' }, 'glibc-arm64', /asked for/],
  ['a phone, Termux asked for', { wish: 'termux' }, 'termux', /asked for/],
])('%s', (_what, change, name, why) => {
  const chosen = choosePack(situation(change));
  expect(chosen).toMatchObject({ ok: true, value: { name, why: expect.stringMatching(why) as string } });
});

test.each<[string, Partial<PackSituation>, RegExp]>([
  ['a 32-bit phone', { device: OLD_PHONE }, /armeabi-v7a/],
  ['a phone that does not tell its processor', { device: { kind: 'physical', abi: null } }, /unknown/],
  ['host on a real phone', { wish: 'host' }, /only a virtual phone/],
  ['android on a 32-bit phone', { device: OLD_PHONE, wish: 'android' }, /it is for arm64-v8a/],
  ['android on an emulated phone', { device: EMULATED, wish: 'android' }, /none of Android’s libraries/],
  ['glibc-arm64 on the virtual phone', { device: VIRTUAL, wish: 'glibc-arm64' }, /the phone has x86_64/],
])('none for %s, and the failure says why', (_what, change, words) => {
  const chosen = choosePack(situation(change));
  expect(chosen.ok ? null : chosen.failure.code).toBe('pack-none');
  expect(chosen.ok ? '' : chosen.failure.message).toMatch(words);
});

const SET = '/data/local/tmp/bungee/sets/0123456789abcdef';
test.each<[string, boolean]>([
  ['  4321 node /data/local/tmp/bungee/sets/1/agent.mjs --port 0', true],
  [`4321 ${SET}/lib/ld-linux-aarch64.so.1 --library-path ${SET}/lib ${SET}/bin/node ${SET}/agent.mjs`, true],
  // A narrow `ps` cuts the line before it names Node.
  [`4321 ${SET}/lib/ld-linux-aarch64.so.1 --libr`, true],
  ['4321 com.android.systemui', false],
  ['4321 sh -c node /data/local/tmp/bungee/sets/1/agent.mjs', false],
  ['14321 node /data/local/tmp/bungee/sets/1/agent.mjs', false],
])('the line %s is an agent: %s', (line, isAgent) => {
  expect(isAgentProcess(`PID ARGS\n1 init\n${line}\n`, 4321)).toBe(isAgent);
});
