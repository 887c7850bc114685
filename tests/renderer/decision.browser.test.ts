import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import { browserMissing, buildPage, type BuiltPage } from './fake/page.ts';

const missing = browserMissing();

describe.skipIf(missing !== null)('what the TLM and the guard did', () => {
  let built: BuiltPage;
  let shared: Page;
  beforeAll(async () => {
    built = await buildPage();
    shared = await built.open('running');
  });
  afterAll(async () => {
    await built.close();
  });

  /** The run of the tests, with only the requests that a filter finds. */
  async function filtered(filter: string): Promise<Page> {
    const page = shared;
    await page.mouse.move(5, 5);
    await page.locator('#filter').fill('');
    await page.locator('.table[aria-rowcount="75"]').waitFor();
    if ((await page.locator('.detail').count()) > 0)
      await page.locator('.expander[aria-expanded=true]').click();
    await page.locator('#filter').fill(filter);
    await page.getByText(/\d+ of 75 shown/).waitFor();
    return page;
  }

  /** The newest request that a filter finds, opened at one of its views. */
  async function opened(filter: string, view: 'Summary' | 'Prompt' | 'Decision'): Promise<Page> {
    const page = await filtered(filter);
    await page.locator('.expander').first().click();
    await page.getByRole('tab', { name: new RegExp(`^${view}`) }).click();
    return page;
  }

  /** The hint on show, as screen readers get it. */
  function hint(page: Page): Locator {
    return page.getByRole('tooltip').first();
  }

  async function hintText(page: Page): Promise<string> {
    await hint(page).waitFor({ state: 'attached' });
    return ((await hint(page).textContent()) ?? '').replaceAll('\u202f', ' ');
  }

  it('shows the prompt in order with words left out struck through, and how much was kept', async () => {
    const page = await opened('octopus tlm', 'Prompt');
    const words = page.locator('.prompt-words');
    expect(await words.innerText()).toMatch(/^Below are the functions that the phone offers.*Function:$/s);
    const struck = words.locator('del').first();
    expect(await struck.evaluate((one) => getComputedStyle(one).textDecorationLine)).toBe('line-through');
    expect(await words.locator('span.kept').count()).toBeGreaterThan(5);
    expect(await words.locator('.fixed').innerText()).toContain('Wake me up at 6:45');
    const legend = await page.locator('.prompt-legend').innerText();
    expect(legend.replaceAll('\u202f', ' ')).toMatch(
      /\d+ of \d+ tokens kept, \d+ %; \d+ of \d+ words left out/,
    );
  });

  it('tells a word’s score on hover', async () => {
    const page = await opened('octopus tlm', 'Prompt');
    const struck = page.locator('.prompt-words del').first();
    await struck.hover();
    expect(await hintText(page)).toMatch(/^“.+”: score 0\.\d\d, place \d+ of \d+, left out$/);
    await page.mouse.move(5, 5);
    await hint(page).waitFor({ state: 'detached' });
  });

  it('tells scores by the keyboard: one Tab stop, arrows from word to word, Escape for the hint alone', async () => {
    const page = await opened('octopus tlm', 'Prompt');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    expect(await hintText(page)).toMatch(/^“Below”: score 0\.\d\d/);
    const described = await page.evaluate(() => document.activeElement?.getAttribute('aria-describedby'));
    expect(await hint(page).getAttribute('id')).toBe(described);
    await page.keyboard.press('ArrowRight');
    expect(await hintText(page)).toMatch(/^“are”/);
    await page.keyboard.press('ArrowDown');
    const place = await page.evaluate(() => document.activeElement?.getBoundingClientRect().top ?? 0);
    const first = await page
      .locator('.prompt-words [data-hint]')
      .first()
      .evaluate((one) => one.getBoundingClientRect().top);
    expect(place).toBeGreaterThan(first);
    await page.keyboard.press('End');
    expect(await hintText(page)).toContain('always kept');
    await page.keyboard.press('Escape');
    await hint(page).waitFor({ state: 'detached' });
    expect(await page.locator('.detail').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await page.locator('.detail').waitFor({ state: 'detached' });
  });

  it('folds a long prompt until all of it is asked for', async () => {
    const page = await built.open('ready');
    await page.evaluate(() => {
      const hostAtMs = Date.now();
      const [start] = window.fake
        .history(40)
        .filter(
          ({ kind, ...rest }) => kind === 'agent' && 'event' in rest && rest.event.type === 'request-started',
        );
      if (start?.kind !== 'agent' || start.event.type !== 'request-started') throw new Error('no start');
      const requestId = 'long';
      window.fake.emit([
        { ...start, hostAtMs, event: { ...start.event, requestId } },
        {
          kind: 'agent',
          hostAtMs,
          event: {
            seq: 1,
            atMs: 2,
            type: 'prompt-compressed',
            requestId,
            promptLevel: 0.5,
            words: Array.from({ length: 1500 }, (_, i) => ({
              text: ` w${i}`,
              score: 0.5,
              kept: i % 2 === 0,
            })),
          },
        },
      ]);
    });
    await page.getByRole('button', { name: 'Details of request long' }).click();
    await page.getByRole('tab', { name: /^Prompt/ }).click();
    const words = page.locator('.prompt-words [data-hint]');
    expect(await words.count()).toBeLessThan(300);
    await page.getByRole('button', { name: 'Show all 1,500 words' }).click();
    expect(await words.count()).toBe(1500);
    await page.getByRole('button', { name: 'Show less' }).click();
    expect(await words.count()).toBeLessThan(300);
    await page.context().close();
  });

  it('shows the decision among all strategies, with the feasible region and what the guard overruled', async () => {
    const page = await opened('guard', 'Decision');
    const map = page.locator('.heat-map');
    expect(await map.locator('tbody tr').count()).toBe(10);
    expect(await map.locator('td').count()).toBe(90);
    expect(await map.locator('td.chosen').count()).toBe(1);
    expect(await map.locator('td.chosen.infeasible').count()).toBe(0);
    expect(await map.locator('td.proposed.infeasible').count()).toBe(1);
    expect(await map.locator('td.edge-right').count()).toBeGreaterThan(0);
    expect(await map.locator('td.chosen').innerText()).toContain('feasible, chosen');
    expect(await page.locator('.decision').innerText()).toContain('The TLM proposed');
    await map.locator('td.proposed').hover();
    expect(await hintText(page)).toMatch(
      /\(proposed by the TLM\): TTFT .+ of .+; TPOT .+ of .+; quality 0\.\d\d; not feasible$/,
    );
  });

  it('walks the heat map with arrow keys', async () => {
    const page = await opened('guard', 'Decision');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    expect(await hintText(page)).toMatch(/^p 100 % × m 20 %/);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    expect(await hintText(page)).toMatch(/^p 90 % × m 30 %/);
    await page.keyboard.press('ArrowUp');
    expect(await hintText(page)).toMatch(/^p 100 % × m 30 %/);
  });

  it('switches what colour shows, and keeps to it for the next request', async () => {
    const page = await opened('guard', 'Decision');
    const chosen = page.locator('td.chosen');
    const quality = await chosen.innerText();
    await page.getByRole('button', { name: 'TPOT / SLO' }).click();
    expect(await chosen.innerText()).not.toBe(quality);
    expect(await page.locator('.heat-legend').innerText()).toContain('> 1.50');
    await page.locator('.expander').nth(1).click();
    await expect
      .poll(() => page.getByRole('button', { name: 'TPOT / SLO' }).getAttribute('aria-pressed'))
      .toBe('true');
  });

  it('has one row for a run without a TLM, and says so', async () => {
    const page = await built.open('ready');
    await page.getByRole('region', { name: 'Runs' }).getByRole('button').first().click();
    await page.locator('.table[aria-rowcount="40"]').waitFor();
    await page.locator('.expander').first().click();
    await page.getByRole('tab', { name: /^Decision/ }).click();
    expect(await page.locator('.heat-map tbody tr').count()).toBe(1);
    expect(await page.locator('.heat-map td').count()).toBe(9);
    expect(await page.locator('.decision').innerText()).toContain('No TLM was asked');
    await page.getByRole('tab', { name: /^Prompt/ }).click();
    expect(await page.locator('.prompt').innerText()).toContain('kept whole');
    const panel = await page.getByRole('region', { name: 'Decisions' }).innerText();
    expect(panel).toMatch(/prompt kept\s+–/);
    await page.context().close();
  });

  it.each([
    ['guard', 'guard'],
    ['infeasible', 'nothing fits'],
    ['lowered', 'lowered'],
  ])('marks %s in the table with a shape and a word', async (filter, word) => {
    const page = await filtered(filter);
    const row = page.locator('.table-row').first();
    expect(await row.locator('.line-strategy .intervention-mark').count()).toBeGreaterThan(0);
    await row.locator('.tag', { hasText: word }).hover();
    expect((await hintText(page)).length).toBeGreaterThan(30);
  });

  it('says where inside of a request its level was lowered', async () => {
    const page = await opened('lowered', 'Summary');
    expect((await page.locator('.pairs').innerText()).replaceAll('\u202f', ' ')).toMatch(
      /Lowered\s+TPOT ran over .* \d+ → \d+ % after \d+ tokens\./,
    );
  });

  it('counts who decided, what was kept, what the TLM costs, and how slow the phone is', async () => {
    const panel = shared.getByRole('region', { name: 'Decisions' });
    await expect
      .poll(async () => (await panel.innerText()).replaceAll('\u202f', ' '))
      .toMatch(
        /phone \d+ % slower\s+TLM\s+\d+ %\s+guard\s+\d+ %\s+nothing fits\s+\d+ %\s+prompt kept\s+\d+ %\s+TLM \/ TTFT\s+[\d.]+ %\s+lowered\s+\d+/,
      );
  });

  it.each([
    [1280, 800],
    [1920, 1080],
  ])('fits the whole heat map into the list at %d × %d', async (width, height) => {
    const page = await built.open('running', { viewport: { width, height } });
    await page.locator('.expander').first().click();
    await page.getByRole('tab', { name: /^Decision/ }).click();
    const map = await page.locator('.decision-map').evaluate((one) => {
      const listed = one.closest('.table-body')?.getBoundingClientRect().bottom ?? 0;
      return {
        hidden: one.scrollHeight - one.clientHeight,
        below: one.getBoundingClientRect().bottom - listed,
      };
    });
    expect(map.hidden).toBeLessThanOrEqual(0);
    expect(map.below).toBeLessThanOrEqual(0);
    await page.context().close();
  });

  it('keeps to its content security policy and throws nothing', () => {
    expect(built.problems).toEqual([]);
  });
});
