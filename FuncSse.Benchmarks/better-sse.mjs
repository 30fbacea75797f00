import { createChannel, createSession } from 'better-sse';
import { createServer } from 'node:http';

const channel = createChannel();
let id = 0;

const server = createServer(async (request, response) => {
  if (request.method === 'POST') {
    const parts = [];
    for await (const part of request) {
      parts.push(part);
    }

    channel.broadcast(Buffer.concat(parts).toString(), 'message', { eventId: String(++id) });
    response.end(String(id));
  } else {
    // Text as it is: its default makes JSON of it.
    channel.register(await createSession(request, response, { serializer: text => text }));
  }
});

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
