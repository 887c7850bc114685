import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { browserMissing, buildPage, type BuiltPage } from './fake/page.ts';

const missing = browserMissing();

/** Commands that the window has sent so far. */
async function calls(page: Page): Promise<string[]> {
  return page.evaluate(() => window.fake.calls.map(({ command }) => command));
}

/** Things that stick out of the window or hide behind its edge. */
async function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    const found = scrollWidth > innerWidth || scrollHeight > innerHeight ? ['document'] : [];
    for (const selector of ['.top-bar', '.left', '.right', '.middle', '.status-bar', '.chart-bar'])
      for (const element of document.querySelectorAll<HTMLElement>(selector))
        if (element.scrollWidth > element.clientWidth) found.push(selector);
    return found;
  });
}

describe.skipIf(missing !== null)('the window', () => {
  let built: BuiltPage;
  beforeAll(async () => {
    built = await buildPage();
  });
  afterAll(async () => {
    await built.close();
  });

  it('runs in three steps, with one button that says what comes next', async () => {
    const page = await built.open('empty');
    const button = page.locator('.top-bar .next-step');
    expect(await button.innerText()).toBe('Connect a phone');
    await button.click();
    await page.getByRole('textbox', { name: 'Address' }).fill('no address');
    await page.getByRole('button', { name: 'Connect', exact: true }).last().click();
    await page.getByText('must be host:port').waitFor();
    await page.getByRole('textbox', { name: 'Address' }).fill('127.0.0.1:5555');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await calls(page)).toEqual(['device.connect']);

    await page.evaluate(() => window.fake.setState({ devices: window.fake.known.devices }));
    await button.getByText('Add a bundle').click();
    await page.getByRole('textbox', { name: 'Folder' }).fill('bundles/smollm2');
    await page.keyboard.press('Enter');
    await page.evaluate(() => window.fake.setState({ bundles: window.fake.known.bundles }));

    await button.getByText('Start').click();
    await button.getByText('Cancel').waitFor();
    await page.getByRole('progressbar', { name: 'Push' }).waitFor();
    expect(await calls(page)).not.toContain('run.start');
    await page.evaluate(() => window.fake.finishPush());
    await button.getByText('Stop').waitFor();
    expect(await calls(page)).toEqual(['device.connect', 'bundle.add', 'session.start', 'run.start']);
    await button.click();
    await button.getByText('Run').waitFor();
    await page.context().close();
  });

  it('starts no run when the phone does not get ready, and says why', async () => {
    const page = await built.open('idle');
    await page.evaluate(() => {
      window.fake.answers['session.start'] = {
        ok: false,
        failure: {
          code: 'no-space',
          message: 'Pixel 8 has 90 MB free, the bundle needs 151 MB.',
          remedy: 'Free some space on the phone.',
          detail: 'df: /data 98%',
        },
      };
    });
    await page.locator('.top-bar .next-step').click();
    const alert = page.getByRole('alert').filter({ hasText: 'Pixel 8 has 90 MB free' });
    await alert.waitFor();
    expect(await alert.innerText()).toContain('Free some space on the phone.');
    expect(await page.getByText('df: /data 98%').isVisible()).toBe(false);
    await alert.getByText('Raw output').click();
    await page.getByText('df: /data 98%').waitFor();
    expect(await calls(page)).toEqual(['session.start']);
    await alert.getByRole('button', { name: 'Dismiss' }).click();
    await alert.waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('cancels a push from the phone’s row', async () => {
    const page = await built.open('pushing');
    await page.locator('.session').getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.phase.stopped').waitFor();
    expect(await calls(page)).toEqual(['session.stop']);
    await page.context().close();
  });

  it('says what is wrong with phones, agent, adb and bundles, and how to mend it', async () => {
    const page = await built.open('error');
    const phones = await page.getByRole('region', { name: 'Phones' }).innerText();
    expect(phones).toContain('adb at 127.0.0.1:5037 does not answer.');
    expect(phones).toContain('waits for your permission');
    expect(phones).toContain('Unlock the phone and tap "Allow"');
    expect(phones).toContain('The agent on Pixel 8 ended 3 times');
    const bundles = await page.getByRole('region', { name: 'Bundles' }).innerText();
    expect(bundles).toContain('Copy the bundle again.');
    await page.getByRole('button', { name: 'doctor: 1 of 3 failed' }).click();
    await page.getByText('Run `adb start-server`.').waitFor();
    await page.context().close();
  });

  it('shows unknown figures as dashes before anything has run', async () => {
    const page = await built.open('empty');
    const overall = await page.getByRole('region', { name: 'Overall' }).innerText();
    expect(overall).toMatch(/SLO attainment\s+–/);
    expect(overall).toMatch(/Goodput\s+–/);
    await page.context().close();
  });

  it('waits in words until the services have answered', async () => {
    const page = await built.open('waiting');
    await page.getByText('Waiting for the services …').waitFor();
    expect(await page.locator('.top-bar .next-step').isDisabled()).toBe(true);
    await page.context().close();
  });

  it('follows the system’s light or dark, can be set, and remembers it', async () => {
    const page = await built.open('idle', { colorScheme: 'dark' });
    const theme = (): Promise<string | undefined> =>
      page.evaluate(() => document.documentElement.dataset['theme']);
    expect(await theme()).toBe('dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.waitForFunction(() => document.documentElement.dataset['theme'] === 'light');
    await page.getByRole('button', { name: 'Theme: system. Change to light' }).click();
    await page.getByRole('button', { name: 'Theme: light. Change to dark' }).click();
    expect(await theme()).toBe('dark');
    await page.reload();
    expect(await theme()).toBe('dark');
    await page.context().close();
  });

  it.each([
    ['running', 1280, 800],
    ['running', 1920, 1080],
    ['empty', 1280, 800],
    ['error', 1280, 800],
    ['pushing', 1280, 800],
  ])('%s fits into %d × %d', async (scenario, width, height) => {
    const page = await built.open(scenario, { viewport: { width, height } });
    await page.locator('.next-step').first().waitFor();
    expect(await overflow(page)).toEqual([]);
    await page.context().close();
  });

  it('moves nothing for people who want no motion', async () => {
    const page = await built.open('running', { reducedMotion: 'reduce' });
    const moving = await page.evaluate(
      () => document.getAnimations().filter(({ playState }) => playState === 'running').length,
    );
    expect(moving).toBe(0);
    await page.context().close();
  });

  it('names every control for screen readers', async () => {
    const page = await built.open('running');
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('button, input, select, [role=slider], [role=img]')]
        .filter((element) => {
          const label = element.closest('label');
          const name = element.getAttribute('aria-label') ?? element.innerText;
          return name.trim() === '' && (label?.innerText ?? '').trim() === '';
        })
        .map((element) => element.outerHTML.slice(0, 120)),
    );
    expect(nameless).toEqual([]);
    await page.context().close();
  });

  it('keeps to its content security policy and throws nothing', () => {
    expect(built.problems).toEqual([]);
  });
});
