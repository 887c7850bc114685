import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { browserMissing, buildPage, lastCall, openRunning, type BuiltPage } from './fake/page.ts';

const missing = browserMissing();

/** Colours on a chart's canvas: how many pixels are not transparent. */
async function inkPerChart(page: Page): Promise<number[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLCanvasElement>('.plot canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
        data: [],
      };
      let ink = 0;
      for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 0) ink += 1;
      return ink;
    }),
  );
}

async function firstIds(page: Page): Promise<string[]> {
  return page
    .locator('.expander')
    .evaluateAll((found) => found.map((one) => one.getAttribute('aria-label') ?? ''));
}

describe.skipIf(missing !== null)('the live view', () => {
  let built: BuiltPage;
  beforeAll(async () => {
    built = await buildPage();
  });
  afterAll(async () => {
    await built.close();
  });

  it('draws every chart, and more than the empty ones', async () => {
    const empty = await built.open('empty');
    await empty.locator('.plot canvas').first().waitFor();
    const before = await inkPerChart(empty);
    const page = await openRunning(built);
    await expect
      .poll(async () => (await inkPerChart(page)).every((ink, i) => ink > (before[i] ?? 0)))
      .toBe(true);
    expect(before).toHaveLength(6);
    await empty.context().close();
    await page.context().close();
  });

  it('streams the tokens of a request into its row', async () => {
    const page = await built.open('ready');
    await page.locator('.top-bar .next-step').click();
    await page.evaluate(() => {
      const hostAtMs = Date.now() + 5;
      const requestId = 'stream-1';
      window.fake.emit([
        { kind: 'sent', hostAtMs, requestId, app: 'gboard', promptIndex: 0, slo: { ttft: 0.2 } },
        {
          kind: 'agent',
          hostAtMs,
          event: { seq: 0, atMs: 1, type: 'token', requestId, index: 0, text: 'Good' },
        },
      ]);
    });
    await page.locator('.line-text', { hasText: 'Good' }).waitFor();
    await page.evaluate(() => {
      const requestId = 'stream-1';
      window.fake.emit([
        {
          kind: 'agent',
          hostAtMs: Date.now(),
          event: { seq: 1, atMs: 2, type: 'token', requestId, index: 1, text: ' morning' },
        },
      ]);
    });
    await page.locator('.line-text', { hasText: 'Good morning' }).waitFor();
    await page.context().close();
  });

  it('keeps 10 000 requests scrollable with a few dozen rows in the page', async () => {
    const page = await built.open('ready');
    await page.evaluate(() => {
      const events = window.fake.history(10_000, 6000);
      window.fake.emit(events.filter((event) => event.kind !== 'agent' || event.event.type !== 'token'));
    });
    await page.locator('.table[aria-rowcount="10000"]').waitFor();
    expect(await page.locator('.table-row').count()).toBeLessThan(60);
    expect((await firstIds(page))[0]).toBe('Details of request req-10000');
    await page.locator('.table-body').evaluate((list) => (list.scrollTop = list.scrollHeight));
    await page.getByRole('button', { name: 'Details of request req-1', exact: true }).waitFor();
    expect(await page.locator('.table-row').count()).toBeLessThan(60);
    await page.context().close();
  });

  it('holds the reader’s place when new requests come in above', async () => {
    const page = await openRunning(built);
    const list = page.locator('.table-body');
    await list.evaluate((element) => (element.scrollTop = 480));
    await page.evaluate(() =>
      window.fake.emit([
        {
          kind: 'sent',
          hostAtMs: Date.now(),
          requestId: 'new-1',
          app: 'gmail',
          promptIndex: 0,
          slo: { ttft: 1 },
        },
      ]),
    );
    await page.locator('.table[aria-rowcount="76"]').waitFor();
    expect(await list.evaluate((element) => element.scrollTop)).toBe(504);
    await page.context().close();
  });

  it('opens a row with the decision, predicted against measured', async () => {
    const page = await openRunning(built);
    await page.getByRole('button', { name: 'Details of request req-75' }).click();
    const detail = page.locator('.detail');
    const text = await detail.innerText();
    for (const words of ['measured', 'predicted', 'full model', 'Feasible', 'waiting', 'Decision', 'req-75'])
      expect(text).toContain(words);
    await page.getByRole('button', { name: 'Details of request req-75' }).click();
    await detail.waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('pauses what is on screen with Space while data goes on coming in', async () => {
    const page = await openRunning(built);
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Paused' }).waitFor();
    await page.evaluate(() => {
      const hostAtMs = Date.now();
      window.fake.emit([
        { kind: 'sent', hostAtMs, requestId: 'later', app: 'gmail', promptIndex: 0, slo: null },
      ]);
    });
    await page.waitForTimeout(400);
    expect((await firstIds(page))[0]).toBe('Details of request req-75');
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Details of request later' }).waitFor();
    await page.context().close();
  });

  it('shows definitions on hover', async () => {
    const page = await openRunning(built);
    await page.locator('.lane-ttft .term').hover();
    await page
      .getByRole('tooltip')
      .filter({ hasText: 'Time to first token' })
      .first()
      .waitFor({ state: 'attached' });
    await page.context().close();
  });

  it('says what runs each phase, and on hover how that was proved', async () => {
    const page = await openRunning(built);
    await page.getByText('runs on cpu').hover();
    await page
      .getByRole('tooltip')
      .filter({ hasText: 'nnapi: not-in-library' })
      .first()
      .waitFor({ state: 'attached' });
    await page.context().close();
  });

  it('opens a recorded run, exports it, deletes it after a question, and goes back to live', async () => {
    const page = await built.open('ready');
    await page.getByRole('region', { name: 'Runs' }).getByRole('button').first().click();
    await page.locator('.table[aria-rowcount="40"]').waitFor();
    expect(
      await page.getByRole('slider', { name: /^Rewind: TTFT/ }).getAttribute('data-disabled'),
    ).not.toBeNull();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    expect((await download).suggestedFilename()).toBe('old-run.csv');
    await page.getByRole('button', { name: 'Delete this run' }).click();
    await page.getByRole('button', { name: 'Keep' }).click();
    expect(await lastCall(page)).toMatchObject({ command: 'run.export' });
    await page.getByRole('button', { name: 'Back to live' }).click();
    await page.getByRole('button', { name: 'Live' }).waitFor();
    await page.getByRole('region', { name: 'Runs' }).getByRole('button').first().click();
    await page.getByRole('button', { name: 'Delete this run' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Every run is kept here.').waitFor();
    expect(await lastCall(page)).toEqual({ command: 'run.delete', request: { id: 'old-run' } });
    await page.context().close();
  });

  it('draws nothing while nothing happens', async () => {
    const page = await built.open('ready');
    await page.locator('.plot canvas').first().waitFor();
    await page.waitForTimeout(300);
    const frames = await page.evaluate(async () => {
      let asked = 0;
      const original = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (callback) => {
        asked += 1;
        return original(callback);
      };
      await new Promise((resolve) => setTimeout(resolve, 700));
      return asked;
    });
    expect(frames).toBe(0);
    await page.context().close();
  });

  it('keeps to its content security policy and throws nothing', () => {
    expect(built.problems).toEqual([]);
  });
});
