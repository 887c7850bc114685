/** What a person sees who opens index.html as a file. */
export function NoServices() {
  return (
    <main className="no-services">
      <h1>Bungee</h1>
      <p>
        This page was opened without its services. Run <code>npm start</code>: it opens the window, or prints
        the address of it.
      </p>
    </main>
  );
}
