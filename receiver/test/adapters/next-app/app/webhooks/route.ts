import { nextHandler } from '@posthorn/receiver/next';
import { receiver } from '../receiver';

export const POST = nextHandler(receiver);
