import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { APP_IDS } from '../../core/app.ts';
import { LEVELS } from '../../core/level.ts';

/** Tokens of both themes, as written in the style sheet. */
function tokens(theme: 'light' | 'dark'): (name: string) => string {
  const css = readFileSync('renderer/styles/tokens.css', 'utf8');
  const [light = '', dark = ''] = css.split(":root[data-theme='dark']");
  const source = theme === 'light' ? light : dark;
  return (name) => {
    const value = new RegExp(`--${name}:\\s*(#[0-9a-f]{6})`).exec(source)?.[1];
    if (value === undefined) throw new Error(`no colour --${name} in ${theme}`);
    return value;
  };
}

/** WCAG 2 relative luminance. */
function luminance(hex: string): number {
  const channel = (at: number): number => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

describe.each(['light', 'dark'] as const)('%s theme', (theme) => {
  const color = tokens(theme);
  const surfaces = ['surface', 'surface-side', 'surface-chosen', 'surface-hover', 'surface-raised'];

  it.each(['text', 'text-muted', 'error', 'good', 'warning'])('%s reads on every surface (4.5:1)', (name) => {
    for (const surface of surfaces)
      expect(contrast(color(name), color(surface)), surface).toBeGreaterThanOrEqual(4.5);
  });

  it('writes levels readably on their own colour (4.5:1)', () => {
    for (const level of LEVELS) {
      const text = color(level <= 60 ? 'level-text-low' : 'level-text-high');
      expect(contrast(text, color(`level-${level}`)), String(level)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(APP_IDS)('shows the marks of %s on the chart (3:1)', (app) => {
    expect(contrast(color(`app-${app}`), color('surface'))).toBeGreaterThanOrEqual(3);
  });

  it('reads on the primary button and in failures (4.5:1)', () => {
    expect(contrast(color('accent-text'), color('accent'))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color('text'), color('error-surface'))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color('text-muted'), color('error-surface'))).toBeGreaterThanOrEqual(4.5);
  });

  it('deepens level by level', () => {
    const steps = LEVELS.map((level) => contrast(color(`level-${level}`), color('surface')));
    expect([...steps].sort((a, b) => a - b)).toEqual(steps);
  });
});
