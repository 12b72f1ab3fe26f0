import { nextHandler } from '@posthorn/receiver/next';
import { after } from 'next/server';
import { receiver } from '../../receiver';

export const POST = nextHandler(receiver, { after });
