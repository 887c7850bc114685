import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserMissing, buildPage, lastCall, openRunning, type BuiltPage } from './fake/page.ts';

const missing = browserMissing();

describe.skipIf(missing !== null)('controls of the live view', () => {
  let built: BuiltPage;
  beforeAll(async () => {
    built = await buildPage();
  });
  afterAll(async () => {
    await built.close();
  });

  it('selects a time range by dragging: table and statistics are about it', async () => {
    const page = await openRunning(built);
    const box = await page.locator('.lane-ttft .u-over').boundingBox();
    if (box === null) throw new Error('no chart');
    // The axis moves on with time: on a busy computer the requests have moved to the left meanwhile.
    await page.mouse.move(box.x + box.width * 0.1, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 5 });
    await page.mouse.up();
    await page.getByText(/\d+ of 75 shown/).waitFor();
    const counted = async (): Promise<number> =>
      Number(await page.locator('.scope-table tbody td').first().innerText());
    await expect.poll(counted).toBeGreaterThan(0);
    expect(await counted()).toBeLessThan(74);
    expect(await page.locator('.scope-table thead').innerText()).toMatch(
      /n\s+mean\s+p50\s+p90\s+p95\s+p99\s+min\s+max/,
    );
    await page.keyboard.press('Escape');
    await page.locator('.table[aria-rowcount="75"]').waitFor();
    await page.context().close();
  });

  it('selects with the keyboard too', async () => {
    const page = await openRunning(built);
    await page.locator('.charts').focus();
    for (let i = 0; i < 30; i += 1) await page.keyboard.press('ArrowLeft');
    for (let i = 0; i < 20; i += 1) await page.keyboard.press('Shift+ArrowLeft');
    await page.getByText(/\d+ of 75 shown/).waitFor();
    await page.context().close();
  });

  it('sends an SLO from its slider with arrow keys, keeping the other bound', async () => {
    const page = await openRunning(built);
    await page.getByRole('slider', { name: 'Gboard: TTFT bound, ratio of the full model' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => lastCall(page))
      .toEqual({ command: 'slo.set', request: { app: 'gboard', slo: { ttft: 0.25, tpot: 0.6 } } });
    await page.context().close();
  });

  it('pins and releases a level by number keys, and changes the load', async () => {
    const page = await openRunning(built);
    await page.keyboard.press('3');
    expect(await lastCall(page)).toEqual({ command: 'level.pin', request: { level: 40 } });
    await page.getByText('pinned at 40 %').waitFor();
    await page.keyboard.press('0');
    expect(await lastCall(page)).toEqual({ command: 'level.pin', request: { level: null } });
    await page.getByRole('slider', { name: 'Load' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => lastCall(page))
      .toEqual({ command: 'run.load', request: { requestsPerMinute: 60 } });
    await page.context().close();
  });

  it('filters with /, leaves the field with Escape, and types letters into it', async () => {
    const page = await openRunning(built);
    await page.keyboard.press('/');
    await page.keyboard.type('miss');
    await page.getByText(/\d+ of 75 shown/).waitFor();
    expect(await page.evaluate(() => window.fake.calls)).toEqual([]);
    const verdicts = async (): Promise<string[]> => {
      const texts = await page.locator('.table-row .verdict').allInnerTexts();
      return [...new Set(texts.map((text) => text.trim()))].sort();
    };
    // A failed request with an SLO is a miss.
    await expect.poll(verdicts).toEqual(['failed', 'miss']);
    await page.keyboard.press('Escape');
    await page.keyboard.press('s');
    expect(await lastCall(page)).toMatchObject({ command: 'run.stop' });
    await page.context().close();
  });

  it('finds commands by name with Ctrl+K, and shows all keys with ?', async () => {
    const page = await openRunning(built);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('pin level 70');
    await page.keyboard.press('Enter');
    expect(await lastCall(page)).toEqual({ command: 'level.pin', request: { level: 70 } });
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys and terms' });
    await help.waitFor();
    expect(await help.innerText()).toContain('Share of judged requests');
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('keeps to its content security policy and throws nothing', () => {
    expect(built.problems).toEqual([]);
  });
});
