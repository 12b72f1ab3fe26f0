/** One JSON line for each thing that happened; never a secret, a signature or the event's data. */
export function log(message: string, fields: object): void {
  console.log(JSON.stringify({ at: new Date().toISOString(), message, ...fields }));
}
