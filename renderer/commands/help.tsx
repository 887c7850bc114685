import { GLOSSARY } from '../format/glossary.ts';
import { Modal } from '../widgets/modal.tsx';
import { COMMANDS } from './command-list.ts';
import { keyName } from './key-press.ts';

/** All keys and all terms. */
export function HelpOverlay() {
  const withKeys = COMMANDS.filter(({ keys }) => keys !== undefined);
  return (
    <Modal title="Keys and terms" wide>
      <div className="help" tabIndex={0}>
        <section aria-label="Keys">
          <h3>Keys</h3>
          <dl className="keys">
            {withKeys.map(({ id, keys = '', title }) => (
              <div key={id}>
                <dt>
                  <kbd>{keyName(keys)}</kbd>
                </dt>
                <dd>{title}</dd>
              </div>
            ))}
            <div>
              <dt>
                <kbd>←</kbd> <kbd>→</kbd>
              </dt>
              <dd>In the charts: move the cursor; with Shift: select</dd>
            </div>
          </dl>
        </section>
        <section aria-label="Terms">
          <h3>Terms</h3>
          <dl className="terms">
            {Object.values(GLOSSARY).map(({ name, unit, definition }) => (
              <div key={name}>
                <dt>
                  {name}
                  {unit === '' ? null : <span className="muted"> {unit}</span>}
                </dt>
                <dd>{definition}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Modal>
  );
}
