import type { ReceivedDelivery } from './dev-receiver.ts';

const REFRESH_SECONDS = 3;

/** The page of `posthorn dev`: no script, no files; it loads itself again every few seconds. */
export function renderDevPage(url: string, received: readonly ReceivedDelivery[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>Posthorn dev</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Posthorn</h1>
<p>A webhooks server runs here, in its form to try things with (<code>posthorn dev</code>).
The API is at <code>${text(url)}/v1</code>; the key and a line to paste stand in the terminal.</p>
<h2>What the built-in receiver got</h2>
${received.length === 0 ? EMPTY : table(received)}
</body>
</html>
`;
}

const EMPTY = `<p class="empty">Nothing yet. Paste the <code>curl</code> line from the terminal:
the event is stored, signed, delivered here, and its signature verified.</p>`;

function table(received: readonly ReceivedDelivery[]): string {
  return `<table>
<thead><tr><th>Received</th><th>Event</th><th>Signature</th><th>Attempt</th><th>Body</th></tr></thead>
<tbody>
${received.map(row).join('\n')}
</tbody>
</table>`;
}

function row({ receivedAt, eventType, eventId, attempt, fault, body }: ReceivedDelivery): string {
  const signature =
    fault === null
      ? '<td class="verified">verified</td>'
      : `<td class="refused">${text(fault)}</td>`;
  return (
    `<tr><td><time>${receivedAt.toISOString()}</time></td>` +
    `<td><strong>${text(eventType)}</strong><br><code>${text(eventId)}</code></td>${signature}` +
    `<td>${text(attempt)}</td><td><pre>${text(body)}</pre></td></tr>`
  );
}

/** Whatever was received is shown as text. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { margin-bottom: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #d8dee4; }
pre { margin: 0; white-space: pre-wrap; word-break: break-all; max-height: 8rem; overflow: auto; }
code, pre { font: 13px/1.4 ui-monospace, monospace; }
.verified { color: #116329; }
.refused { color: #a40e26; }
.empty { padding: 1rem; background: #f6f8fa; }
`;
