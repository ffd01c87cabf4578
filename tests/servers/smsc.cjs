// A real SMSC for the tests: npm's `smpp` (node-smpp) on the loopback. It prints its port, then one JSON line for each message.
// Texts that begin with THROTTLE are refused, with SILENT never answered; all others get a receipt, twice.
// Nobody has a number that ends in 0404, and whoever has one that ends in 0378 writes STOP back, 0379 HELP.
const smpp = require('smpp');
let count = 0;
const receivers = new Set();
const waiting = [];
const under = new Map(); // session -> receipts that it has not confirmed: they are brought again
const bring = () => {
  for (const session of receivers) while (waiting.length) {
    const receipt = waiting.shift();
    under.get(session).add(receipt);
    session.deliver_sm(receipt, (answer) => {
      if (under.get(session)?.delete(receipt) && answer.command_status !== 0) waiting.push(receipt);
    });
  }
};
const gone = (session) => {
  receivers.delete(session);
  waiting.push(...(under.get(session) || []));
  under.delete(session);
};
const server = smpp.createServer({}, (session) => {
  const bound = (receives) => (pdu) => {
    if (pdu.system_id !== 'tocsin' || pdu.password !== 'made-up-pw') {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return session.close();
    }
    session.send(pdu.response({ system_id: 'smsc' }));
    if (receives) { receivers.add(session); under.set(session, new Set()); bring(); }
  };
  session.on('bind_transmitter', bound(false));
  session.on('bind_receiver', bound(true));
  session.on('bind_transceiver', bound(true));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { gone(session); session.send(pdu.response()); session.close(); });
  session.on('close', () => gone(session));
  session.on('error', () => gone(session));
  session.on('submit_sm', (pdu) => {
    const given = pdu.short_message && pdu.short_message.message;
    const text = String(given && given.length ? given : (pdu.message_payload || {}).message);
    const udh = pdu.short_message && pdu.short_message.udh;
    console.log(JSON.stringify({
      to: pdu.destination_addr, from: pdu.source_addr, coding: pdu.data_coding, esm: pdu.esm_class, text,
      udh: udh ? Buffer.concat(udh.map(Buffer.from)).toString('hex') : '', validity: String(pdu.validity_period),
    }));
    if (text.startsWith('THROTTLE')) return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    if (text.startsWith('SILENT')) return;
    const id = `real-${++count}`;
    const said = pdu.destination_addr.endsWith('0404') ? 'stat:UNDELIV err:001' : 'stat:DELIVRD err:000';
    const receipt = {
      source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611241402 done date:2611241403 ${said} text:x`,
    };
    waiting.push(receipt, { ...receipt });
    const word = { '0378': 'Stop', '0379': 'Help' }[pdu.destination_addr.slice(-4)];
    if (word) waiting.push({ source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, short_message: word });
    session.send(pdu.response({ message_id: id }));
    bring();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
