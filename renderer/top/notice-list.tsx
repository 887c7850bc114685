import { useDesktop } from '../state/desktop-store.ts';
import { dismiss, useNotices } from '../state/notices.ts';
import { IconButton } from '../widgets/button.tsx';
import { FailureNote } from '../widgets/failure-note.tsx';

/** What went wrong: with the connection to the services, and with what the user did. */
export function NoticeList() {
  const notices = useNotices((slice) => slice.notices);
  const connection = useDesktop((desktop) => desktop.connection);
  return (
    <div className="notices">
      {connection === 'lost' ? (
        <FailureNote
          failure={{
            code: 'host-unreachable',
            message: 'Bungee’s service on this computer does not answer; trying again.',
            remedy: 'Look at the terminal that ran `npm start`.',
          }}
        />
      ) : null}
      {connection === 'refused' ? (
        <FailureNote
          failure={{
            code: 'not-signed-in',
            message: 'Bungee’s service does not know this page.',
            remedy: 'Open the address that `npm start` printed: it carries the key.',
          }}
        />
      ) : null}
      {notices.map(({ id, failure, action }) => (
        <FailureNote key={id} failure={failure} action={action}>
          <IconButton label="Dismiss" icon="close" onClick={() => dismiss(id)} />
        </FailureNote>
      ))}
    </div>
  );
}
