import { formatClock } from '../format/units.ts';
import { useShown } from '../state/shown-store.ts';

/** What the services noted during the run, newest first. */
export function NotesPanel() {
  const notes = useShown((shown) => shown.view.notes);
  if (notes.length === 0) return <p className="panel-empty">No notes in this run.</p>;
  return (
    <table className="checks">
      <tbody>
        {[...notes].reverse().map((note, i) => (
          <tr key={notes.length - i}>
            <td className="muted">{formatClock(note.atMs, true)}</td>
            <td className={`check-status ${note.severity === 'error' ? 'failed' : note.severity}`}>
              {note.severity}
            </td>
            <td className="selectable">{note.text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
