// Loaded by every client for Node: the vendors' names lead to the sandbox. Its authority comes by NODE_EXTRA_CA_CERTS.
const tls = require('node:tls');
const net = require('node:net');

const port = Number(process.env.SANDBOX_TLS_PORT);
const hosts = process.env.SANDBOX_HOSTS.split(',');
const connect = tls.connect;

const isVendors = (name) => hosts.some((known) => name === known || (known.startsWith('.') && name.endsWith(known)));

tls.connect = function (...args) {
  const asked = args.find((arg) => arg !== null && typeof arg === 'object');
  const name = asked && (asked.servername || asked.host || asked.hostname);
  if (!name || !isVendors(name)) {
    throw new Error(`a client asked for ${name}, which is no vendor's host`);
  }
  const then = args.find((arg) => typeof arg === 'function');
  return connect({ ...asked, host: '127.0.0.1', port, servername: name, path: undefined, socket: undefined }, then);
};

net.connect = net.createConnection = () => {
  throw new Error('a client asked for a connection that is not secured');
};
