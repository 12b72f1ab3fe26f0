import Type from 'typebox';

/** Text that people read: nothing that a database or JSON could not carry, nothing that is invisible. */
const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\p{Cc}\\p{Cs}]+$',
  examples: ['John Doe'],
});
const Email = Type.String({
  format: 'email',
  maxLength: 254,
  examples: ['john@example.com'],
});
const Role = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')], {
  examples: ['member'],
});
const Time = Type.String({ format: 'date-time', examples: ['2023-12-01T15:30:00.000Z'] });
const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z]+_[0-9a-z]+$' });

const closed = { additionalProperties: false } as const;
const oneOrMore = { ...closed, minProperties: 1 } as const;

export const User = Type.Object({ id: Id, name: Name, email: Email, created_at: Time }, closed);
export const NewUser = Type.Object({ name: Name, email: Email }, closed);
export const UserPatch = Type.Partial(NewUser, oneOrMore);

export const Project = Type.Object({ id: Id, name: Name, created_at: Time }, closed);
export const NewProject = Type.Object({ name: Name }, closed);

export const Team = Type.Object({ id: Id, name: Name, created_at: Time }, closed);
export const NewTeam = Type.Object({ name: Name }, closed);

export const Member = Type.Object(
  { team_id: Id, user_id: Id, role: Role, created_at: Time },
  closed,
);
export const MemberWithPreviousRole = Type.Object(
  { ...Member.properties, previous_role: Role },
  closed,
);
export const NewMember = Type.Object({ user_id: Id, role: Role }, closed);
export const MemberPatch = Type.Object({ role: Role }, closed);

export const ById = Type.Object({ id: Id }, closed);
export const ByMember = Type.Object({ id: Id, user_id: Id }, closed);

/** A page has at most so many items. */
export const PAGE_MAX = 100;
export const PageQuery = Type.Object(
  { after: Type.Optional(Type.String({ ...Id, description: 'The `next` of the page before.' })) },
  closed,
);
export function pageOf<Item extends Type.TSchema>(item: Item) {
  return Type.Object(
    {
      data: Type.Array(item, { maxItems: PAGE_MAX }),
      next: Type.Union([Id, Type.Null()], { description: 'Null on the last page.' }),
    },
    closed,
  );
}

export const Health = Type.Object(
  {
    status: Type.Literal('ok'),
    outbox: Type.Object(
      {
        waiting: Type.Integer({ description: 'Events that Posthorn has not got yet.' }),
        refused: Type.Integer({ description: 'Events that Posthorn refused, for an operator.' }),
      },
      closed,
    ),
  },
  closed,
);

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
  },
  closed,
);
