import type { AppId } from '../../core/app.ts';

/** An app's colour, as its dots in the charts; always beside its name. */
export function AppMark({ app }: { readonly app: AppId | null }) {
  return (
    <svg className={`app-mark app-${app ?? 'client'}`} viewBox="0 0 8 8" aria-hidden="true">
      <circle cx="4" cy="4" r="3.4" />
    </svg>
  );
}
