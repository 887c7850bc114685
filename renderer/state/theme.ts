import { create } from 'zustand';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const STORED_AS = 'bungee.theme';

/** Storage can be switched off (private windows, policies): the setting then lasts as long as the page. */
function stored(): Theme {
  try {
    const value = window.localStorage.getItem(STORED_AS);
    return THEMES.find((theme) => theme === value) ?? 'system';
  } catch {
    return 'system';
  }
}

interface ThemeSlice {
  readonly theme: Theme;
  /** What `theme` comes to now. */
  readonly dark: boolean;
}

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

function resolved(theme: Theme): ThemeSlice {
  return { theme, dark: theme === 'dark' || (theme === 'system' && systemDark.matches) };
}

export const useTheme = create<ThemeSlice>()(() => resolved(stored()));

function show({ dark }: ThemeSlice): void {
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
}

/** Applies the stored setting and follows the system; once, before the first paint. */
export function startTheme(): void {
  show(useTheme.getState());
  useTheme.subscribe(show);
  systemDark.addEventListener('change', () => useTheme.setState(({ theme }) => resolved(theme)));
}

export function setTheme(theme: Theme): void {
  useTheme.setState(resolved(theme));
  try {
    window.localStorage.setItem(STORED_AS, theme);
  } catch {
    // See `stored`.
  }
}
