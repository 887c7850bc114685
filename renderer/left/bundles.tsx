import type { BundleRow, DesktopState } from '../../core/desktop-state.ts';
import { formatBytes } from '../format/units.ts';
import { chosenBundle } from '../state/next-step.ts';
import { look, openDialog, useView } from '../state/view-store.ts';
import { Button, IconButton } from '../widgets/button.tsx';
import { FailureNote } from '../widgets/failure-note.tsx';

export function Bundles({ state }: { readonly state: DesktopState }) {
  const bundleId = useView((view) => view.bundleId);
  const chosen = chosenBundle(state, { serial: null, bundleId });
  return (
    <section className="panel" aria-label="Bundles">
      <header className="panel-title">
        <h2>Bundles</h2>
        <IconButton label="Add a bundle" icon="plus" onClick={() => openDialog('add-bundle')} />
      </header>
      {state.bundles.length === 0 ? (
        <div className="panel-empty">
          <p>
            No bundle yet. Add the folder of one, or make one with <code>npm run elasticize</code>.
          </p>
          <Button icon="plus" onClick={() => openDialog('add-bundle')}>
            Add a bundle
          </Button>
        </div>
      ) : null}
      <ul className="rows" role="radiogroup" aria-label="Bundle in use">
        {state.bundles.map((bundle) => (
          <BundleItem key={bundle.id} bundle={bundle} chosen={bundle === chosen} />
        ))}
      </ul>
    </section>
  );
}

function BundleItem({ bundle, chosen }: { readonly bundle: BundleRow; readonly chosen: boolean }) {
  const levels = bundle.levels.map(({ level }) => level);
  return (
    <li className={chosen ? 'row chosen' : 'row'}>
      <button
        type="button"
        role="radio"
        aria-checked={chosen}
        className="row-main"
        disabled={bundle.failure !== null}
        title={bundle.path}
        onClick={() => look({ bundleId: bundle.id })}
      >
        <span className="row-name">{bundle.name}</span>
        <span className="row-state">{formatBytes(bundle.sizeBytes)}</span>
      </button>
      <p className="row-facts">{bundleFacts(bundle)}</p>
      {bundle.failure === null ? null : <FailureNote failure={bundle.failure} />}
      {chosen && levels.length > 0 ? <LevelStrip bundle={bundle} /> : null}
    </li>
  );
}

function bundleFacts(bundle: BundleRow): string {
  const levels = bundle.levels.length === 0 ? null : `${bundle.levels.length} levels`;
  const facts = [bundle.variant, levels, bundle.builtIn ? 'small built-in model' : null];
  return facts.filter((fact) => fact !== null).join(' · ');
}

/** The bundle's levels on the level scale, each with its size and measured quality. */
function LevelStrip({ bundle }: { readonly bundle: BundleRow }) {
  return (
    <ul className="level-strip" aria-label="Levels">
      {bundle.levels.map(({ level, decoderRatio, totalRatio, perplexity }) => (
        <li
          key={level}
          className={`level-${level}`}
          title={`level ${level} %: ${(decoderRatio * 100).toFixed(1)} % of the decoder, ${(totalRatio * 100).toFixed(1)} % of the whole model${perplexity === null ? '' : `, perplexity ${perplexity.toFixed(2)}`}`}
        >
          {level}
        </li>
      ))}
    </ul>
  );
}
