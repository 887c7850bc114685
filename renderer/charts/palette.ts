import { APP_IDS, type AppId } from '../../core/app.ts';
import { LEVELS, type Level } from '../../core/level.ts';

/** Colours for canvas, read from the CSS tokens so that both follow one theme. */
export interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly accent: string;
  readonly selection: string;
  readonly error: string;
  readonly warning: string;
  readonly surface: string;
  readonly font: string;
  readonly app: Readonly<Record<AppId | 'client', string>>;
  readonly level: ReadonlyMap<number, string>;
}

export function readPalette(element: HTMLElement): Palette {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  const apps = APP_IDS.map((id): [AppId, string] => [id, read(`--app-${id}`)]);
  return {
    text: read('--text'),
    muted: read('--text-muted'),
    grid: read('--chart-grid'),
    accent: read('--accent'),
    selection: read('--chart-selection'),
    error: read('--error'),
    warning: read('--warning'),
    surface: read('--surface'),
    font: `11px ${style.fontFamily}`,
    app: { ...(Object.fromEntries(apps) as Record<AppId, string>), client: read('--text-muted') },
    level: new Map(LEVELS.map((level: Level) => [level, read(`--level-${level}`)])),
  };
}
