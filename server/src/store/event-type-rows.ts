import type { EventType } from '../core/model.ts';
import { type Row, text, textOrNull } from './rows.ts';

/** The columns that `eventType` reads. */
export const EVENT_TYPE_COLUMNS = 'name, description, schema, example';

export function eventType(row: Row): EventType {
  return {
    name: text(row, 'name'),
    description: text(row, 'description'),
    schema: textOrNull(row, 'schema'),
    example: textOrNull(row, 'example'),
  };
}
