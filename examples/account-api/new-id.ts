import { randomUUID } from 'node:crypto';

export function newId(prefix: 'usr' | 'prj' | 'team'): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`;
}

export function now(): string {
  return new Date().toISOString();
}
