/** Which of so many owners a webhook belongs to: always the same one (FNV-1a over its id). */
export function ownerOf(webhookId: string, owners: number): number {
  if (owners === 1) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < webhookId.length; index++) {
    hash = Math.imul(hash ^ webhookId.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % owners;
}
