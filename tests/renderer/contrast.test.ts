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

const HEAT = ['1', '2', '3', '4', '5', '6', '7'] as const;

interface Translucent {
  readonly rgb: readonly number[];
  readonly alpha: number;
}

function hatch(theme: 'light' | 'dark'): Translucent {
  const css = readFileSync('renderer/styles/tokens.css', 'utf8');
  const found = [...css.matchAll(/--heat-hatch:\s*rgba\(([^)]+)\)/g)].at(theme === 'light' ? 0 : 1)?.[1];
  const [r = NaN, g = NaN, b = NaN, alpha = NaN] = (found ?? '').split(',').map(Number);
  return { rgb: [r, g, b], alpha };
}

function over({ rgb, alpha }: Translucent, ground: string): string {
  const mixed = rgb.map((channel, i) =>
    Math.round(alpha * channel + (1 - alpha) * parseInt(ground.slice(1 + 2 * i, 3 + 2 * i), 16)),
  );
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
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

  it('writes figures readably on every colour of the heat map, hatched or not (4.5:1)', () => {
    for (const step of HEAT) {
      const ground = color(`heat-${step}`);
      expect(contrast(color('text'), ground), step).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(color('surface'), color('text'))).toBeGreaterThanOrEqual(4.5);
  });

  it('draws the edge of the feasible region, the proposal and hatching apart from every colour', () => {
    for (const step of HEAT) {
      const ground = color(`heat-${step}`);
      expect(contrast(color('text'), ground), step).toBeGreaterThanOrEqual(3);
      expect(contrast(over(hatch(theme), ground), ground), step).toBeGreaterThanOrEqual(1.25);
    }
  });

  it.each(['accent', 'error', 'warning'])('shows interventions in %s in table and chart (3:1)', (name) => {
    for (const surface of surfaces)
      expect(contrast(color(name), color(surface)), surface).toBeGreaterThanOrEqual(3);
  });

  it('deepens the heat map step by step', () => {
    const steps = HEAT.map((step) => contrast(color(`heat-${step}`), color('surface')));
    expect([...steps].sort((a, b) => a - b)).toEqual(steps);
  });

  it('deepens level by level', () => {
    const steps = LEVELS.map((level) => contrast(color(`level-${level}`), color('surface')));
    expect([...steps].sort((a, b) => a - b)).toEqual(steps);
  });
});
