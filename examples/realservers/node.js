// The arguments: port, streams at once on each connection, files of the certificate and its key.
const fs = require('node:fs')
const http2 = require('node:http2')
const [port, streams, cert, key] = process.argv.slice(1)
const server = http2.createSecureServer({
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
  settings: { maxConcurrentStreams: Number(streams) }
}, (req, res) => res.end('hello'))
server.on('sessionError', () => {}) // a client may break a connection off
server.listen(Number(port), '127.0.0.1')
