import type { Static } from 'typebox';
import { Member, MemberWithPreviousRole, Project, User } from './schemas.ts';

/** What this API announces: each event with its meaning and what its `data` is. */
export const EVENTS = {
  'user.created': { description: 'A new user was created', data: User },
  'user.updated': { description: 'A user was updated', data: User },
  'user.deleted': { description: 'A user was deleted', data: User },
  'project.created': { description: 'A new project was created', data: Project },
  'project.updated': { description: 'A project was updated', data: Project },
  'project.deleted': { description: 'A project was deleted', data: Project },
  'team.member.added': { description: 'A member was added to a team', data: Member },
  'team.member.removed': { description: 'A member was removed from a team', data: Member },
  'team.member.role_changed': {
    description: "A member's role was changed",
    data: MemberWithPreviousRole,
  },
} as const;

/** For senders and receivers alike: `createReceiver<AccountEvents>(…)`. */
export type AccountEvents = {
  [Type in keyof typeof EVENTS]: Static<(typeof EVENTS)[Type]['data']>;
};
