import { flask } from './support/programs.ts';
import { testReceiver } from './support/receiver-tests.ts';

testReceiver(flask);
