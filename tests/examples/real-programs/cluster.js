// An ordinary Node cluster program, written for PM2: the primary forks workers and says 'ready' when all of them listen.
const cluster = require('cluster');
const http = require('http');

if (cluster.isPrimary) {
    const count = Number(process.env.WORKERS);
    let listening = 0;
    for (let n = 0; n < count; n++) cluster.fork();
    cluster.on('listening', () => {
        listening += 1;
        if (listening === count && process.send) process.send('ready');
    });
    process.on('SIGTERM', () => cluster.disconnect(() => process.exit(0)));
} else {
    const server = http.createServer((request, response) => response.end(`worker ${process.pid} answers\n`));
    server.listen(Number(process.env.PORT), '127.0.0.1');
    process.on('SIGTERM', () => {}); // the primary says when
}
