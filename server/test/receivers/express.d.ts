/** As much of Express as the tests use; 4 and 5 have no types of their own. */
interface ExpressRequest {
  headers: Record<string, string | undefined>;
  body: unknown;
}

interface ExpressResponse {
  status(code: number): ExpressResponse;
  send(body: string): ExpressResponse;
}

interface ExpressApp {
  use(middleware: object): void;
  post(path: string, handler: (request: ExpressRequest, response: ExpressResponse) => void): void;
  listen(port: number, host: string): import('node:http').Server;
}

interface Express {
  (): ExpressApp;
  json(): object;
  raw(options: { type: () => boolean; limit: number }): object;
}

declare module 'express' {
  const express: Express;
  export = express;
}

declare module 'express-4' {
  const express: Express;
  export = express;
}
