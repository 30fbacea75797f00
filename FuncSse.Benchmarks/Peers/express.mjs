import express from 'express';

const app = express();

app.get('/events', (request, response) => {
  response.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
  let count = Number(request.get('Last-Event-ID') ?? 0);
  const timer = setInterval(() => {
    count++;
    response.write(`id: ${count}\ndata: ${count}\n\n`);
  }, 1000);
  request.on('close', () => clearInterval(timer));
});

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
