import { expect, test } from 'vitest';
import { explainExit, findEnding } from '../../electron/agent/explain-exit.ts';

test.each([
  [[], null, 'it was killed (Android does that when memory is short); its log is empty', true],
  [
    ['12:00 ready'],
    null,
    'it was killed (Android does that when memory is short); last line of its log: 12:00 ready',
    true,
  ],
  [['ready'], 'lmkd: Kill node', "the phone's log says: lmkd: Kill node; last line of its log: ready", true],
  [
    ['ready', 'Error: weights.bin: wrong SHA-256', '    at load (agent.mjs:1:2)', 'Node.js v22.1.0', ''],
    'process: node 7 ended with status 1',
    'its log says: Error: weights.bin: wrong SHA-256',
    false,
  ],
])('explains the end by the agent’s log %j and the phone’s %j', (lines, systemLine, words, wasKilled) => {
  expect(explainExit(lines, systemLine)).toEqual({ words, wasKilled });
});

const HEAD = '11-30 06:12:01.123  1044  1044 I ';

test.each([
  [
    'the memory killer',
    "lowmemorykiller: Kill 'node' (7321), uid 2000, oom_score_adj 900 to free 160000kB rss",
    "lowmemorykiller: Kill 'node' (7321), uid 2000, oom_score_adj 900 to free 160000kB rss",
  ],
  [
    'the killer of phantom processes',
    'ActivityManager: Killing PhantomProcessRecord {1a2b 7321:7300:node/2000}: Trimming phantom processes',
    'ActivityManager: Killing PhantomProcessRecord {1a2b 7321:7300:node/2000}: Trimming phantom processes',
  ],
  [
    'a fatal signal',
    'libc    : Fatal signal 11 (SIGSEGV), code 1 in tid 7330 (node), pid 7321 (node)',
    'libc: Fatal signal 11 (SIGSEGV), code 1 in tid 7330 (node), pid 7321 (node)',
  ],
  ['another process', 'lowmemorykiller: Kill node (17321)', null],
  ['a line that tells of no end', 'process : node 7321 started: agent.mjs', null],
])('finds what the phone’s log says of an end: %s', (_, text, found) => {
  const logcat = `--------- beginning of main\n${HEAD}${text}\n${HEAD}adbd    : shell ended for 7000\n`;
  expect(findEnding(logcat, 7321)).toBe(found);
});

test('a process whose own pid wrote the line is not what the line is about', () => {
  expect(findEnding('11-30 06:12:01.123  7321  7321 I process : node 5 ended by SIGKILL', 7321)).toBeNull();
});
