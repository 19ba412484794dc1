// The argument is a file of the configuration. One process starts two that serve, and at SIGHUP two others in their
// place. Those that serve log each connection, and each request before its response.
const cluster = require('node:cluster')
const fs = require('node:fs')
const http = require('node:http')
const http2 = require('node:http2')
const conf = JSON.parse(fs.readFileSync(process.argv[2]))

// Else one process hands connections to the others, and those on their way to one that ends are never answered.
cluster.schedulingPolicy = cluster.SCHED_NONE
if (cluster.isPrimary) lead()
else work()

function lead () {
  const start = () => cluster.fork().on('exit', (code, signal) => { if (signal === 'SIGKILL') start() })
  start()
  start()
  process.on('SIGHUP', () => {
    const old = Object.values(cluster.workers).filter(w => w.isConnected())
    for (let i = 0; i < 2; i++) {
      start().once('listening', () => old.splice(0, 1 + old.length / 2).forEach(w => w.send('stop', () => {})))
    }
  })
  process.on('SIGTERM', () => process.exit())
}

function work () {
  const log = fs.openSync(conf.Log, 'a')
  const small = Buffer.alloc(1 << 10, 'x')
  const large = Buffer.alloc(200 << 10, 'x')
  let stopping = false
  function serve (req, res) {
    fs.writeSync(log, `${req.socket.remoteAddress} ${req.headers['x-id']}\n`)
    if (conf.Close || (stopping && !conf.H2)) res.setHeader('Connection', 'close')
    switch (req.url) {
      case '/refuse': return res.writeHead(413).end()
      case '/die': return req.socket.destroy()
      case '/cut':
        res.setHeader('Content-Length', large.length)
        return res.write(large.subarray(large.length / 2), () => req.socket.destroy())
    }
    const body = req.url === '/large' ? large : small
    res.setHeader('Content-Length', body.length)
    req.resume().on('end', () => res.end(body))
  }
  const server = conf.H2
    ? http2.createSecureServer({
      cert: fs.readFileSync(conf.Cert),
      key: fs.readFileSync(conf.Key),
      settings: conf.Streams ? { maxConcurrentStreams: conf.Streams } : {}
    }, serve)
    : http.createServer({ keepAliveTimeout: Math.max(conf.IdleMS - 1000, 1) /* it adds a second */ }, serve)
  server.maxRequestsPerSocket = conf.Requests
  server.on('connection', socket => fs.writeSync(log, `${socket.remoteAddress} -\n`))
  server.on('sessionError', () => {}) // a client may break a connection off
  server.listen(conf.Port, '127.0.0.1')
  process.on('message', () => {
    stopping = true
    server.close(() => process.exit())
  })
}
