import { expect, test } from 'vitest';
import { ok, type Result } from '../../core/result.ts';
import { ExclusiveWork } from '../../electron/desktop/exclusive-work.ts';

test('a second piece of work is refused while the first is under way, and taken afterwards', async () => {
  const work = new ExclusiveWork();
  let finish: (result: Result<string>) => void = () => undefined;
  const first = work.run(() => new Promise<Result<string>>((resolve) => (finish = resolve)));
  expect(work.isUnderWay).toBe(true);
  expect(await work.run(() => Promise.resolve(ok('second')))).toMatchObject({
    ok: false,
    failure: { code: 'session-busy' },
  });
  finish(ok('first'));
  expect(await first).toEqual(ok('first'));
  expect(work.isUnderWay).toBe(false);
  expect(await work.run(() => Promise.resolve(ok('third')))).toEqual(ok('third'));
});

test('an abort reaches the work under way, and `settled` waits for its end', async () => {
  const work = new ExclusiveWork();
  const order: string[] = [];
  const running = work.run(
    (signal) =>
      new Promise<Result<null>>((resolve) =>
        signal.addEventListener('abort', () => {
          order.push('aborted');
          setTimeout(() => resolve(ok(null)), 5);
        }),
      ),
  );
  work.abort();
  await work.settled;
  order.push('settled');
  expect(order).toEqual(['aborted', 'settled']);
  expect(await running).toEqual(ok(null));
});

test('work that throws leaves the way free', async () => {
  const work = new ExclusiveWork();
  await expect(work.run(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  await work.settled;
  expect(work.isUnderWay).toBe(false);
});

test('without work, an abort does nothing and `settled` is at once', async () => {
  const work = new ExclusiveWork();
  work.abort();
  await expect(work.settled).resolves.toBeUndefined();
});
