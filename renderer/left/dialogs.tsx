import { useState, type FormEvent } from 'react';
import { COMMANDS } from '../../core/desktop-contract.ts';
import { firstIssue } from '../../core/parse.ts';
import { addBundle, connectPhone, deleteRun, setAlias } from '../state/actions.ts';
import { useDesktop } from '../state/desktop-store.ts';
import { closeDialog, useView } from '../state/view-store.ts';
import { Button } from '../widgets/button.tsx';
import { Modal } from '../widgets/modal.tsx';
import { formatDay } from '../format/units.ts';

interface TextFormProps {
  readonly label: string;
  readonly hint: string;
  readonly initial?: string;
  readonly placeholder: string;
  readonly submit: string;
  /** @returns what is wrong with the text, or null. */
  readonly check: (text: string) => string | null;
  /** @returns whether it worked; the dialog closes then. */
  readonly onSubmit: (text: string) => Promise<boolean>;
}

function TextForm({ label, hint, initial = '', placeholder, submit, check, onSubmit }: TextFormProps) {
  const [text, setText] = useState(initial);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (): Promise<void> => {
    const wrong = check(text.trim());
    setProblem(wrong);
    if (wrong !== null) return;
    setBusy(true);
    const worked = await onSubmit(text.trim());
    setBusy(false);
    if (worked) closeDialog();
  };
  return (
    <form
      className="form"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void send();
      }}
    >
      <label>
        {label}
        <input
          value={text}
          placeholder={placeholder}
          spellCheck={false}
          aria-invalid={problem !== null}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <p className={problem === null ? 'muted' : 'reason'} role={problem === null ? undefined : 'alert'}>
        {problem ?? hint}
      </p>
      <div className="form-buttons">
        <Button onClick={closeDialog}>Close</Button>
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? 'One moment …' : submit}
        </button>
      </div>
    </form>
  );
}

export function ConnectDialog() {
  return (
    <Modal title="Connect a phone">
      <p>
        A phone on a cable shows up by itself once USB debugging is on. Over the network: switch on wireless
        debugging and give its address. A virtual phone: <code>npm run phone</code> prints one.
      </p>
      <TextForm
        label="Address"
        hint="As adb connect takes it."
        placeholder="192.168.1.20:5555"
        submit="Connect"
        check={(address) => {
          const parsed = COMMANDS['device.connect'].safeParse({ address });
          return parsed.success
            ? null
            : `Address ${firstIssue(parsed.error).replace(/^address: /, '')}, e.g. 192.168.1.20:5555.`;
        }}
        onSubmit={connectPhone}
      />
    </Modal>
  );
}

export function AddBundleDialog() {
  return (
    <Modal title="Add a bundle">
      <p>
        The folder that holds <code>manifest.json</code>. <code>npm run elasticize</code> makes one from a
        model.
      </p>
      <TextForm
        label="Folder"
        hint="A path on this computer."
        placeholder="bundles/smollm2-135m-int8"
        submit="Add"
        check={(path) => (path === '' ? 'Give the path of a folder.' : null)}
        onSubmit={addBundle}
      />
    </Modal>
  );
}

export function AliasDialog() {
  const serial = useView((view) => view.dialogSubject);
  const device = useDesktop(({ state }) => state?.devices.find((one) => one.serial === serial));
  if (serial === null) return null;
  return (
    <Modal title="Rename the phone">
      <TextForm
        label="Name"
        hint={`Kept for serial ${serial}; empty = its model again.`}
        initial={device?.alias ?? ''}
        placeholder={device?.model ?? serial}
        submit="Rename"
        check={(name) => (name.length > 60 ? 'At most 60 characters.' : null)}
        onSubmit={async (name) => {
          await setAlias(serial, name);
          return true;
        }}
      />
    </Modal>
  );
}

export function DeleteRunDialog() {
  const id = useView((view) => view.dialogSubject);
  const run = useDesktop(({ state }) => state?.runs.find((one) => one.id === id));
  if (id === null) return null;
  return (
    <Modal title="Delete this run?" role="alertdialog">
      <p>
        {run === undefined ? id : `The run of ${formatDay(run.startedAt)} on ${run.device}`} and its events
        are removed from the disk. This cannot be undone.
      </p>
      <div className="form-buttons">
        <Button onClick={closeDialog}>Keep</Button>
        <Button kind="danger" icon="trash" onClick={() => void deleteRun(id)}>
          Delete
        </Button>
      </div>
    </Modal>
  );
}
