// node node.mjs <the server of the tests>

import { run } from './run.mjs';

process.on('uncaughtException', (error) => console.error(error)); // A client may fail without its caller: the others go on.
await run(process.argv[2], 'node');
