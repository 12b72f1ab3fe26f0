import { parentPort, workerData } from 'node:worker_threads';
import { dataSchemaFaults } from './data-schema-faults.ts';

parentPort?.postMessage(dataSchemaFaults(workerData));
