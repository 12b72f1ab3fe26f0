import { setFlagsFromString } from 'node:v8';

// Imported before anything else, since a thread takes this when it starts. Each keeps what is new in
// two halves that grow to 16 MiB and more under load, though hardly anything in them outlives a
// delivery: with half of that the process needs 40 to 60 MB less, and no more processor time.
setFlagsFromString('--max-semi-space-size=8');
